from __future__ import annotations

from typing import get_args

import msgspec

from clubai.comparing import Candidate, Judgement, judge, judgement
from clubai.comparing.comparator import Comparator


def test_a_judgement_goes_through_json() -> None:
    candidates = [Candidate(label=label, text="7") for label in "ab"]
    made = judge(candidates, Comparator(kind="number"))

    assert msgspec.json.decode(msgspec.json.encode(made), type=Judgement) == made


def test_every_reason_is_explained() -> None:
    source = judgement.__spec__.origin
    assert source is not None
    with open(source) as file:
        rows = [line for line in file if line.startswith("| `")]

    assert [row.split("`")[1] for row in rows] == list(get_args(judgement.Reason))
