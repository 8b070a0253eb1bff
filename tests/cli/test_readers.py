from __future__ import annotations

from typing import get_args

from clubai.cli.readers import READERS
from clubai.model import ReadableBy


def test_all_who_may_read_are_named_in_words() -> None:
    assert set(READERS) == set(get_args(ReadableBy))


def test_the_words_say_whether_the_coordinator_can() -> None:
    assert READERS["coordinator and node"].startswith("the coordinator, and")
    assert READERS["node"].endswith("not the coordinator")
