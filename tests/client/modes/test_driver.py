from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from clubai.client import Client
from clubai.client.modes.driver import TRIES, JobDriver
from clubai.client.modes.progress import Progress
from clubai.dividing.plan import Plan, Step
from clubai.errors import BackendError, TaskError, TaskFailed
from clubai.model import FailCode, node_bytes
from support.divided_club import backend, broken, divided_club
from support.scripted_backend import say

ASK = ({"role": "user", "content": "hi"},)


def step(name: str = "a", max_tokens: int = 7) -> Step:
    return Step(id=name, kind="part", title=f"title {name}", max_tokens=max_tokens)


def driver_of(club: Client, **changes: Any) -> JobDriver:
    settings: dict[str, Any] = {
        "model": "m",
        "mode": "subtasks",
        "readable_by": "node",
        "options": {"temperature": 1},
        "wait_s": 5,
        "deadline_s": 20,
        "at_once": 4,
    }
    return JobDriver(club.run, **{**settings, **changes})


async def test_a_reply_and_its_report(tmp_path: Path) -> None:
    node = backend("hello")
    async with divided_club(tmp_path, [node]) as (_, club):
        driver = driver_of(club)
        reply = await driver.ask(step(), ASK, more={"seed": 3})

    assert (reply.text, reply.finish_reason, reply.node.name) == ("hello", "stop", "n0")
    assert "hello" not in repr(reply)
    report = driver.reports["a"]
    assert (report.state, report.attempts, report.text) == ("done", 1, "hello")
    assert [each.name for each in report.nodes] == ["n0"]
    assert driver.usage.total_tokens == 7
    assert driver.timings.total_ms >= driver.timings.first_token_ms
    body = node.asked[0][2]
    assert (body["temperature"], body["seed"], body["max_tokens"]) == (1, 3, 7)


async def test_a_failure_is_tried_once_more_and_then_reported(tmp_path: Path) -> None:
    node = backend(broken)
    async with divided_club(tmp_path, [node]) as (_, club):
        driver = driver_of(club)
        with pytest.raises(TaskFailed, match="it broke"):
            await driver.ask(step(), ASK)

    assert len(node.asked) == TRIES
    report = driver.reports["a"]
    assert (report.state, report.error) == ("failed", "it broke")
    assert [each.name for each in report.nodes] == ["n0"] * TRIES


async def test_what_cannot_succeed_is_not_tried_again(tmp_path: Path) -> None:
    node = backend(lambda _: [BackendError(FailCode.UNSUPPORTED, "no")])
    async with divided_club(tmp_path, [node]) as (_, club):
        with pytest.raises(TaskError, match="no"):
            await driver_of(club).ask(step(), ASK)

    assert len(node.asked) == 1


async def test_a_second_try_that_succeeds_is_seen_in_the_report(tmp_path: Path) -> None:
    node = backend("unused")
    answers = [broken, say("better")]
    node.answer = lambda body: answers.pop(0)(body)
    async with divided_club(tmp_path, [node]) as (_, club):
        driver = driver_of(club)
        reply = await driver.ask(step(), ASK)

    assert reply.text == "better"
    assert (driver.reports["a"].state, driver.reports["a"].error) == ("done", "")
    assert driver.reports["a"].attempts == 2


async def test_after_the_deadline_nothing_is_asked(tmp_path: Path) -> None:
    node = backend("late")
    async with divided_club(tmp_path, [node]) as (_, club):
        driver = driver_of(club, deadline_s=0)
        with pytest.raises(TaskFailed, match="deadline has passed"):
            await driver.ask(step(), ASK)

    assert not node.asked
    assert driver.reports["a"].state == "failed"


async def test_only_so_many_are_under_way_at_once(tmp_path: Path) -> None:
    node = backend("hello", slots=8)
    async with divided_club(tmp_path, [node]) as (_, club):
        driver = driver_of(club, at_once=3)
        async with anyio.create_task_group() as tasks:
            for number in range(9):
                tasks.start_soon(driver.ask, step(str(number)), ASK)

    assert node.most_running <= 3


async def test_a_step_may_be_limited_to_nodes(tmp_path: Path) -> None:
    nodes = [backend("zero"), backend("one")]
    async with divided_club(tmp_path, nodes) as (_, club):
        for node in (await club.snapshot()).nodes:
            for _ in range(3):
                driver = driver_of(club)
                reply = await driver.ask(step(), ASK, pinned=(node_bytes(node.id),))
                assert reply.node.id == node.id

    assert [len(each.asked) for each in nodes] == [3, 3]


async def test_progress_is_told_in_order_with_what_is_left(tmp_path: Path) -> None:
    told: list[Progress] = []
    plan = Plan(mode="subtasks", model="m", steps=(step("a"), step("b"), step("c")))
    async with divided_club(tmp_path, [backend("hello")]) as (_, club):
        driver = driver_of(club, tell=told.append)
        driver.expect(plan)
        await driver.ask(plan.steps[1], ASK)
        await driver.ask(plan.steps[0], ASK, on_piece=lambda _: None)
        driver.offer(plan.steps[0], "perhaps")
        driver.leave_out(plan.steps[2])

    assert [(each.step, each.state, each.done) for each in told] == [
        ("b", "asked", 0),
        ("b", "done", 1),
        ("a", "asked", 1),
        ("a", "done", 2),
        ("a", "asked", 2),
        ("c", "left out", 3),
    ]
    assert {each.steps for each in told} == {3}
    assert told[0].left_s is None
    assert told[-1].left_s == 0
    assert told[-1].tokens == 4
    assert told[1].node == "n0"
    assert told[4].provisional == "perhaps"
    assert [report.id for report in driver.in_order] == ["a", "b", "c"]
