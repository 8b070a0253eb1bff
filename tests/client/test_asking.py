"""What only `Asking` does; single questions are in `test_client`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from clubai.client import Answer
from clubai.errors import TaskFailed, TaskRejected
from support.divided_club import backend, broken, divided_club
from support.scripted_backend import say


def echo(body: dict[str, Any]) -> Any:
    text = str(body["messages"][-1]["content"])
    return broken(body) if text == "bad" else say(f"<{text}>")(body)


async def test_many_prompts_are_mapped_in_their_order(tmp_path: Path) -> None:
    nodes = [backend(echo, slots=1) for _ in range(3)]
    prompts = [str(number) for number in range(20)]
    async with divided_club(tmp_path, nodes) as (_, club):
        answers = await club.map(prompts, temperature=0)

    assert [each.text for each in answers if isinstance(each, Answer)] == [
        f"<{prompt}>" for prompt in prompts
    ]
    assert all(each.asked for each in nodes)


async def test_one_that_fails_is_its_error(tmp_path: Path) -> None:
    async with divided_club(tmp_path, [backend(echo)]) as (_, club):
        good, bad, also_good = await club.map(["a", "bad", "c"])

    assert isinstance(good, Answer)
    assert isinstance(bad, TaskFailed)
    assert isinstance(also_good, Answer)


async def test_no_more_than_asked_are_under_way(tmp_path: Path) -> None:
    node = backend(echo, slots=8)
    async with divided_club(tmp_path, [node]) as (_, club):
        await club.map([str(number) for number in range(8)], at_once=2)

    assert node.most_running <= 2


async def test_cancelling_a_map_stops_every_prompt(tmp_path: Path) -> None:
    never = anyio.Event()
    node = backend(lambda _: [never])
    async with divided_club(tmp_path, [node]) as (_, club):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(club.map, ["a", "b"])
            await node.started.wait()
            tasks.cancel_scope.cancel()
        with anyio.fail_after(5):
            await node.stopped.wait()


async def test_a_model_that_nobody_offers_is_refused_once(tmp_path: Path) -> None:
    async with divided_club(tmp_path, [backend(echo)]) as (_, club):
        with pytest.raises(TaskRejected, match="'x'"):
            await club.map(["a", "b"], model="x")


async def test_nothing_to_map_is_nothing(tmp_path: Path) -> None:
    async with divided_club(tmp_path, [backend(echo)]) as (_, club):
        assert await club.map([]) == []
