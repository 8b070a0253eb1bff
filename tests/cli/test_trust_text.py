from __future__ import annotations

import time

import pytest
from rich.console import Console

from clubai.cli import trust_text
from clubai.client.remembered import Policy, Remembered, SeenNode
from clubai.client.verify import Problem, Verified
from clubai.crypto.checkpoint import Checkpoint
from clubai.model import TrustCode

NODE = "a" * 52


def club(**changes: object) -> Remembered:
    now = int(time.time() * 1000)
    seen = SeenNode(
        epoch=7,
        bundle="00",
        first_seen_ms=now - 3 * 86_400_000,
        last_seen_ms=now,
        log_index=1,
        logged_ms=now - 9 * 86_400_000,
    )
    found = Remembered(key="k" * 52, nodes={NODE: seen})
    found.checkpoint = Checkpoint("clubai/x", 12, bytes(32))
    for field, value in changes.items():
        setattr(found, field, value)
    return found


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        (Policy(), "any node of the club"),
        (Policy(pinned=True), "pinned nodes"),
        (Policy(owners=True), "pinned nodes, and nodes of pinned owners"),
        (Policy(min_age_days=7), "pinned nodes, and nodes 7 days in the key log"),
    ],
)
def test_the_policy_in_words(policy: Policy, text: str) -> None:
    assert dict(trust_text.lines("http://c", club(policy=policy)))["asks"] == text


def test_what_is_trusted() -> None:
    lines = trust_text.lines("http://c", club(pinned_nodes=["n"], pinned_owners=["o"]))

    assert lines[:3] == [
        ("club", "http://c"),
        ("key", "k" * 52),
        ("key log", "12 entries, clubai/x"),
    ]
    assert lines[4:] == [("pinned node", "n"), ("pinned owner", "o")]
    empty = dict(trust_text.lines("http://c", Remembered()))
    assert "none is pinned" in empty["key"]
    assert empty["key log"] == "not seen"


def test_the_nodes_that_were_seen() -> None:
    console = Console(width=200)
    table = trust_text.seen_table(club(pinned_nodes=[NODE]), plain_box=True)
    with console.capture() as capture:
        console.print(table)

    head, row = capture.get().splitlines()
    assert " ".join(head.split()) == "Node Epoch First seen In the log Pinned"
    assert row.split() == ["a" * 12, "7", "3", "d", "9", "d", "yes"]


def test_the_fields_for_programs_stay() -> None:
    fields = trust_text.fields("http://c", "/f", club())

    assert list(fields) == [
        "url",
        "file",
        "key",
        "checkpoint",
        "policy",
        "pinned_nodes",
        "pinned_owners",
        "nodes",
    ]
    assert list(fields["nodes"][0]) == ["id", *SeenNode.__struct_fields__]


def test_what_was_found() -> None:
    good = Verified(key="k", size=3, nodes=("n",), problems=())
    assert trust_text.findings(good)[-1] == "all is well"

    bad = Problem("n", "at\x1btic", TrustCode.NOT_IN_LOG, "not \x1bthere")
    found = Verified(key="k", size=3, nodes=(), problems=(bad,))
    lines = trust_text.findings(found)
    assert lines[-1] == "WRONG: node at?tic: not there (not_in_log)"

    fork = Problem("club", "club", TrustCode.LOG_FORK, "another log")
    lines = trust_text.findings(Verified(key="k", size=0, nodes=(), problems=(fork,)))
    assert lines == ["key k", "WRONG: club: another log (log_fork)"]
