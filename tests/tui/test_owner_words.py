from __future__ import annotations

from typing import Any

import pytest

from clubai.agent.view import AgentSnapshot
from clubai.tui.look import Look
from clubai.tui.owner_words import (
    owner_banner,
    owner_notice,
    owner_status,
    state_of,
    too_small_owner,
)
from support.dashboard import NOW
from support.owner import agent, backend, reconnecting

LOOK = Look(now=NOW, ascii=True)
GONE = backend(answers=False, error="connection refused")


@pytest.mark.parametrize(
    ("shown", "said", "tone"),
    [
        (agent(), "* working: 2/4", "good"),
        (agent(lanes=0), "* idle", "good"),
        (agent(lanes=0, backend=GONE), "o no model server", "bad"),
        (agent(state="paused", paused=True), "* paused: takes no tasks", "warn"),
        (
            agent(state="draining", draining=True),
            "* draining: 2 tasks left",
            "warn",
        ),
        (
            agent(lanes=1, state="draining", draining=True),
            "* draining: 1 task left",
            "warn",
        ),
        (reconnecting(), "o reconnecting", "bad"),
        (reconnecting(state="joining"), "o joining", "warn"),
    ],
)
def test_each_state_has_words(shown: AgentSnapshot, said: str, tone: str) -> None:
    assert state_of(shown, LOOK) == (said, tone)


def test_what_others_told_the_club_is_said() -> None:
    assert state_of(agent(lanes=0), LOOK, "paused").text == "* paused by the club"
    assert state_of(reconnecting(), LOOK, "paused").text == "o reconnecting"


def texts(shown: AgentSnapshot | None, **options: Any) -> list[str]:
    given: dict[str, Any] = {"failed": False, **options}
    return [text for text, _ in owner_status(shown, LOOK, **given)]


def test_the_head_says_who_how_and_when() -> None:
    assert texts(agent(), marks="READ-ONLY") == [
        "ClubAI",
        "attic attic0aaaaaa",
        "* working: 2/4",
        "READ-ONLY",
        "14:13:20",
    ]
    assert texts(None) == ["ClubAI", "o starting", "14:13:20"]
    assert "o ended" in texts(agent(), failed=True)


def test_a_pause_is_seen_while_there_is_no_connection() -> None:
    assert "paused" in texts(reconnecting(paused=True))
    assert "draining" in texts(reconnecting(paused=True, draining=True))


def test_what_matters_least_goes_first() -> None:
    assert texts(agent(), width=45) == ["attic attic0aaaaaa", "* working: 2/4"]
    assert texts(agent(), width=1) == ["* working: 2/4"]


def test_an_end_is_told_with_the_age_of_what_is_shown() -> None:
    later = LOOK._replace(now=NOW + 12)

    assert owner_banner(agent(), "removed.", later) == (
        "The agent has ended: removed. What is shown is 12 s old. q leaves."
    )
    assert owner_banner(None, "removed", LOOK) == ""
    assert owner_banner(agent(), "", LOOK) == ""


def test_alarms_of_the_key_log_stand_above_all() -> None:
    said = owner_banner(agent(alarms=("a \x1b[2J fork", "b")), "", LOOK)

    assert said == "KEY LOG ALARM: a ?[2J fork (2 alarms)"


def test_before_there_is_an_agent_it_is_said_what_is_done() -> None:
    assert owner_notice(None, "", "Looking.") == ("Starting", "Looking.")
    failed = owner_notice(None, "no server", "Looking.")
    assert failed is not None
    assert failed.title == "The agent could not start"
    assert "no server" in failed.text
    assert owner_notice(agent(), "removed", "") is None


def test_little_room_has_the_most_important() -> None:
    notice = too_small_owner(agent(), LOOK)

    assert notice.title == "attic"
    assert "* working: 2/4" in notice.text
    assert "today 41 done" in notice.text
