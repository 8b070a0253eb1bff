from __future__ import annotations

import pytest

from clubai.tui.acts import owner
from support.owner import agent


def test_a_pause_says_what_goes_on() -> None:
    act = owner.pause(agent(lanes=2))

    assert act.title == "Pause this node"
    assert "What runs (2 tasks) goes on." in act.asks
    assert act.body == {"on": True}
    assert "What runs" not in owner.pause(agent(lanes=0)).asks


def test_a_paused_node_takes_tasks_again() -> None:
    act = owner.pause(agent(paused=True, state="paused"))

    assert (act.title, act.body) == ("Take tasks again", {"on": False})


def test_a_drain_says_what_is_ended_first() -> None:
    assert "1 task will be ended first" in owner.drain(agent(lanes=1)).asks
    assert "first" not in owner.drain(agent(lanes=0)).asks


@pytest.mark.parametrize(
    ("lanes", "said"),
    [
        (1, "1 task is running: it goes to other nodes"),
        (2, "2 tasks are running: they go to other nodes"),
    ],
)
def test_who_quits_hears_what_becomes_of_the_tasks(lanes: int, said: str) -> None:
    assert said in owner.leave(agent(lanes=lanes)).asks
