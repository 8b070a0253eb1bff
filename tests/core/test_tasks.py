from __future__ import annotations

from typing import get_args

import pytest

from clubai.core.nodes import Node
from clubai.core.tasks import (
    LEAST_ANSWER_TOKENS,
    MAX_COUNT,
    MAX_SECONDS,
    MAX_STORY,
    TRANSITIONS,
    Move,
    Task,
    believable_count,
    believable_seconds,
    new_task,
)
from clubai.errors import InvariantError
from clubai.model import FailCode, MemberId, StoryLine, TaskState, Usage
from support.scene import node_id, requested

STATES: tuple[TaskState, ...] = get_args(TaskState)


def make(**fields: object) -> Task:
    return new_task(requested("t", **fields), 1, 100.0, 105.0)


def node() -> Node:
    return Node(
        id=node_id("a"),
        text="text of a",
        name="a",
        owner=MemberId("m_owner"),
        backend="",
        program="",
        vram_gb=0.0,
        joined_at=0.0,
        seen_at=0.0,
    )


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("move", Move)
def test_only_the_moves_of_the_table_are_made(state: TaskState, move: Move) -> None:
    task = make()
    task.state = state

    if (state, move) in TRANSITIONS:
        task.move(move, 101.0, "why")
        assert task.state == TRANSITIONS[state, move]
    else:
        with pytest.raises(InvariantError) as caught:
            task.move(move, 101.0, "why")
        assert task.state == state
        assert caught.value.story == ("+0.000 s requested: chat of 'llama'",)


@pytest.mark.parametrize("stream", [True, False])
def test_part_of_an_answer_is_given_only_of_a_stream_that_began(stream: bool) -> None:
    task = make(stream=stream)
    task.move(Move.OFFER, 1.0, "")
    assert not task.given
    task.move(Move.REPLY, 2.0, "")
    assert task.given is stream


def test_nothing_leaves_an_end() -> None:
    assert not {state for state, _ in TRANSITIONS} & {"done", "failed"}


def test_every_state_but_the_first_can_be_reached() -> None:
    assert set(TRANSITIONS.values()) | {"queued"} == set(STATES)


def test_the_need_for_context_is_the_prompt_and_the_answer() -> None:
    assert make(prompt_tokens=70, max_tokens=30).need == 100
    assert make(prompt_tokens=70).need == 70 + LEAST_ANSWER_TOKENS
    assert make(prompt_tokens=70, kind="embedding").need == 70


def test_the_story_says_when_and_what_and_is_bounded() -> None:
    task = make()
    task.move(Move.OFFER, 100.25, "node 'a'")
    for _ in range(2 * MAX_STORY):
        task.note(101.0, "again")

    assert task.lines()[1] == "+0.250 s offered: node 'a'"
    assert task.timeline()[1] == StoryLine(at=100.25, what="offered: node 'a'")
    assert len(task.lines()) == MAX_STORY


def test_the_next_wake_up_is_the_nearest_of_what_applies() -> None:
    task = make(wait_s=60.0, deadline_s=600.0)
    assert task.next_wake == 105.0

    task.look_at = 500.0
    assert task.next_wake == 160.0

    task.move(Move.OFFER, 100.0, "")
    task.lease(node(), 100.0, until=115.0)
    assert task.next_wake == 115.0

    task.lease_until = 1e9
    assert task.next_wake == 700.0


def test_facts_carry_sizes_and_times_and_no_code_when_done() -> None:
    task = make(request_bytes=77)
    task.code = FailCode.BUSY
    task.move(Move.OFFER, 102.0, "")
    task.lease(node(), 102.0, until=115.0)
    task.move(Move.FINISH, 104.0, "")
    task.replied_at, task.ended_at = 103.0, 104.0
    task.usage = Usage(prompt_tokens=3, completion_tokens=4)
    facts = task.facts()

    assert (facts.state, facts.code, facts.attempts) == ("done", "", 1)
    assert (facts.queued_ms, facts.first_token_ms, facts.total_ms) == (2000, 3000, 4000)
    assert (facts.prompt_tokens, facts.completion_tokens) == (3, 4)
    assert facts.request_bytes == 77
    assert facts.node == node_id("a")


@pytest.mark.parametrize(
    ("said", "believed"), [(-5, 0), (0, 0), (7, 7), (1 << 70, MAX_COUNT)]
)
def test_a_count_is_believed_within_bounds(said: int, believed: int) -> None:
    assert believable_count(said) == believed


@pytest.mark.parametrize(
    ("said", "believed"),
    [(-1.0, 0), (5.0, 5.0), (float("nan"), 0), (float("inf"), MAX_SECONDS)],
)
def test_a_time_is_believed_within_bounds(said: float, believed: float) -> None:
    assert believable_seconds(said) == believed
