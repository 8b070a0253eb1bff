from __future__ import annotations

from pathlib import Path

import pytest

from clubai.client.modes.divided import DividedStream, take_dividing
from clubai.errors import ConfigError, LocalProtocolError, TaskRejected
from support.divided_club import backend, divided_club
from support.scripted_backend import say

PARTS = [{"prompt": "one"}, {"prompt": "two"}]


def test_options_of_the_mode_are_told_apart_from_the_models() -> None:
    dividing, rest = take_dividing(
        "consensus", {"replicas": 5, "temperature": 0.5, "max_tokens": 9}
    )

    assert (dividing.mode, dividing.replicas) == ("consensus", 5)
    assert rest == {"temperature": 0.5, "max_tokens": 9}


def test_a_wrong_option_of_the_mode_is_named() -> None:
    with pytest.raises(ConfigError, match="replicas = 1"):
        take_dividing("consensus", {"replicas": 1})


async def test_an_answer_says_where_it_comes_from(tmp_path: Path) -> None:
    nodes = [backend("hello", slots=1), backend("hello", slots=1)]
    async with divided_club(tmp_path, nodes) as (_, club):
        answer = await club.ask("All.", mode="subtasks", parts=PARTS)

    assert answer.attempts == 3
    assert {node.name for node in answer.nodes} == {"n0", "n1"}
    assert len(answer.nodes) == 2
    assert answer.readable_by == "node"
    assert answer.model == "m"
    assert answer.task == answer.parts[0].task
    assert answer.usage.prompt_tokens == 15


async def test_a_stream_gives_it_in_one_piece(tmp_path: Path) -> None:
    async with (
        divided_club(tmp_path, [backend("hello")]) as (_, club),
        club.stream("All.", mode="subtasks", parts=PARTS) as stream,
    ):
        assert isinstance(stream, DividedStream)
        with pytest.raises(LocalProtocolError, match="iterate first"):
            _ = stream.answer
        assert [piece async for piece in stream] == ["hello"]
        assert stream.answer.text == "hello"


async def test_without_the_model_nothing_is_asked(tmp_path: Path) -> None:
    async with divided_club(tmp_path, [backend("hello")]) as (_, club):
        with pytest.raises(TaskRejected, match="no node offers the model 'x'"):
            await club.ask("All.", mode="subtasks", parts=PARTS, model="x")


@pytest.mark.parametrize(("budget", "longest"), [(0, 512), (300, 100)])
async def test_a_budget_is_shared_out(
    tmp_path: Path, budget: int, longest: int
) -> None:
    node = backend(say("hello"))
    async with divided_club(tmp_path, [node]) as (_, club):
        await club.ask("All.", mode="subtasks", parts=PARTS, budget_tokens=budget)

    assert {body["max_tokens"] for _, _, body in node.asked} == {longest}


async def test_one_request_has_no_plan(tmp_path: Path) -> None:
    async with divided_club(tmp_path, [backend("hello")]) as (_, club):
        with pytest.raises(ConfigError, match="mode = 'single' cannot be used"):
            await club.plan("All.", mode="single")


async def test_a_divided_job_has_no_tools(tmp_path: Path) -> None:
    async with divided_club(tmp_path, [backend("hello")]) as (_, club):
        with pytest.raises(ConfigError, match="a divided job calls no tools"):
            await club.ask("All.", mode="subtasks", parts=PARTS, tools=[{"type": "f"}])


@pytest.mark.parametrize(
    ("bounds", "most"),
    [
        ({"max_completion_tokens": 9}, 9),
        ({"max_completion_tokens": 9, "max_tokens": 5}, 9),
        ({"max_completion_tokens": -1, "max_tokens": 5}, 5),
        ({"max_tokens": -1}, 512),
    ],
)
async def test_a_part_has_one_bound(
    tmp_path: Path, bounds: dict[str, int], most: int
) -> None:
    node = backend("hello")
    async with divided_club(tmp_path, [node]) as (_, club):
        await club.ask("All.", mode="subtasks", parts=PARTS, **bounds)

    for _, _, body in node.asked:
        assert body["max_tokens"] == most
        assert "max_completion_tokens" not in body
