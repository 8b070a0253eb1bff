from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from clubai.client import Answer
from clubai.errors import BackendError, PlanError, TaskFailed
from clubai.model import FailCode
from support.divided_club import backend, broken, divided_club
from support.scripted_backend import USAGE, ScriptedBackend, say, stop, word

Body = dict[str, Any]


def asked_of(body: Body) -> str:
    return str(body["messages"][-1]["content"])


def echo(body: Body) -> Any:
    """Answers `<what was asked>`, and a merge with how often that came."""
    text = asked_of(body)
    if "Put these answers together" in text:
        return say(f"merged {text.count('<')}")(body)
    return say(f"<{text}>")(body)


def planner(*plans: str) -> Any:
    """Answers requests for a plan one after the other, and the rest as `echo`."""
    left = list(plans)

    def answer(body: Body) -> Any:
        if "response_format" in body:
            return say(left.pop(0))(body)
        return echo(body)

    return answer


async def ask(
    tmp_path: Path, nodes: list[ScriptedBackend], prompt: str = "", **options: Any
) -> Answer:
    async with divided_club(tmp_path, nodes) as (_, club):
        return await club.ask(prompt, mode="subtasks", **options)


def plan_json(*parts: dict[str, Any]) -> str:
    return msgspec.json.encode({"parts": parts}).decode()


async def test_given_parts_are_merged_into_one_answer(tmp_path: Path) -> None:
    answer = await ask(
        tmp_path,
        [backend(echo), backend(echo)],
        "All of it.",
        parts=[{"prompt": "one"}, {"prompt": "two"}, {"prompt": "three"}],
    )

    assert answer.text == "merged 3"
    assert answer.mode == "subtasks"
    assert [(part.id, part.text) for part in answer.parts if part.kind == "part"] == [
        ("1", "<one>"),
        ("2", "<two>"),
        ("3", "<three>"),
    ]
    assert answer.usage.completion_tokens == 8
    assert answer.note == ""


@pytest.mark.parametrize("merge", ["none", "concat"])
async def test_parts_can_come_back_as_they_are(tmp_path: Path, merge: str) -> None:
    nodes = [backend(echo)]
    parts = [{"prompt": "one"}, {"prompt": "two"}]
    answer = await ask(tmp_path, nodes, parts=parts, merge=merge)

    assert "<one>" in answer.text
    assert answer.text.index("<one>") < answer.text.index("<two>")
    assert len(nodes[0].asked) == 2


async def test_parts_run_at_once_on_different_nodes(tmp_path: Path) -> None:
    nodes = [backend(echo, slots=1) for _ in range(3)]
    both = anyio.Event()
    met = 0

    def wait(body: Body) -> list[Any]:
        nonlocal met
        met += 1
        if met == 3:
            both.set()
        return [both, *echo(body)]

    for each in nodes:
        each.answer = wait
    with anyio.fail_after(10):
        answer = await ask(
            tmp_path, nodes, parts=[{"prompt": p} for p in "abc"], merge="concat"
        )
    assert len({part.nodes[-1].id for part in answer.parts}) == 3


async def test_a_part_is_given_what_it_needs(tmp_path: Path) -> None:
    nodes = [backend(echo)]
    parts = [
        {"id": "sum", "prompt": "add", "needs": ["left", "right"]},
        {"id": "left", "prompt": "two"},
        {"id": "right", "prompt": "three"},
    ]
    await ask(tmp_path, nodes, parts=parts, merge="none")

    last = asked_of(nodes[0].asked[-1][2])
    assert "<two>" in last
    assert "<three>" in last


async def test_parts_are_found_in_the_prompt(tmp_path: Path) -> None:
    nodes = [backend(echo)]
    prompt = "Answer these questions:\n\n1. Who wrote it?\n2. When was it written?\n"
    answer = await ask(tmp_path, nodes, prompt)

    assert len([part for part in answer.parts if part.kind == "part"]) == 2
    assert not any("response_format" in body for _, _, body in nodes[0].asked)


async def test_a_failed_part_is_named_and_sinks_no_other(tmp_path: Path) -> None:
    def fail_two(body: Body) -> Any:
        return broken(body) if asked_of(body) == "two" else echo(body)

    answer = await ask(
        tmp_path,
        [backend(fail_two), backend(fail_two)],
        parts=[{"prompt": "one"}, {"prompt": "two"}],
    )

    assert answer.note == "without the parts that failed: 2"
    assert answer.text == "merged 1"
    failed = next(part for part in answer.parts if part.id == "2")
    assert (failed.state, failed.error) == ("failed", "it broke")
    assert failed.attempts > 1


async def test_a_part_that_fails_on_one_node_is_done_on_another(tmp_path: Path) -> None:
    nodes = [backend(broken), backend(echo)]
    parts = [{"prompt": str(number)} for number in range(8)]
    answer = await ask(tmp_path, nodes, parts=parts, merge="none")

    assert answer.note == ""
    assert all(part.state == "done" for part in answer.parts)
    assert sum(part.attempts for part in answer.parts) > 8
    redone = [part for part in answer.parts if part.attempts > 1]
    assert all(part.nodes[-1].name == "n1" for part in redone)
    assert all(part.nodes[0].name == "n0" for part in redone)


async def test_when_every_part_fails_that_is_the_end(tmp_path: Path) -> None:
    with pytest.raises(TaskFailed, match="every part failed"):
        await ask(tmp_path, [backend(broken)], parts=[{"prompt": "a"}, {"prompt": "b"}])


async def test_a_model_plans_the_parts(tmp_path: Path) -> None:
    plan = plan_json(
        {"id": "1", "prompt": "two", "needs": []},
        {"id": "2", "prompt": "double it", "needs": ["1"]},
    )
    answer = await ask(tmp_path, [backend(planner(plan))], "What is twice two?")

    assert [part.kind for part in answer.parts] == ["plan", "part", "part", "merge"]
    assert answer.text == "merged 3"  # the second part quotes the first
    assert answer.note == ""


GOOD = plan_json({"id": "1", "prompt": "a"}, {"id": "2", "prompt": "b"})
CIRCLE = plan_json(
    {"id": "1", "prompt": "a", "needs": ["2"]},
    {"id": "2", "prompt": "b", "needs": ["1"]},
)
MANY = plan_json(*({"id": str(n), "prompt": f"part {n}"} for n in range(1, 501)))
USELESS = {
    "broken": ('{"parts": [', "JSON"),
    "empty": ('{"parts": []}', "there are no parts"),
    "circle": (CIRCLE, "in a circle"),
    "many": (MANY, "500 parts"),
}


@pytest.mark.parametrize("bad", USELESS)
async def test_a_plan_of_no_use_is_repaired_once(tmp_path: Path, bad: str) -> None:
    nodes = [backend(planner(USELESS[bad][0], GOOD))]
    answer = await ask(tmp_path, nodes, "Divide me.")

    assert answer.text == "merged 2"
    assert [part.id for part in answer.parts][:2] == ["plan", "repair"]


@pytest.mark.parametrize("bad", USELESS)
async def test_after_a_second_one_the_question_is_asked_undivided(
    tmp_path: Path, bad: str
) -> None:
    plan, why = USELESS[bad]
    nodes = [backend(planner(plan, plan))]
    answer = await ask(tmp_path, nodes, "Divide me.", max_parts=8)

    assert answer.text == "<Divide me.>"
    assert "asked of one node, undivided" in answer.note
    assert why in answer.note
    assert len(nodes[0].asked) == 3


async def test_a_plan_of_one_part_is_the_question(tmp_path: Path) -> None:
    nodes = [backend(planner(plan_json({"id": "1", "prompt": "all of it"})))]
    answer = await ask(tmp_path, nodes, "Divide me.")

    assert answer.text == "<Divide me.>"
    assert "no parts" in answer.note


async def test_a_server_without_schemas_is_asked_undivided(tmp_path: Path) -> None:
    def cannot(body: Body) -> Any:
        if "response_format" in body:
            return [BackendError(FailCode.UNSUPPORTED, "no schemas here")]
        return echo(body)

    answer = await ask(tmp_path, [backend(cannot)], "Divide me.")

    assert answer.text == "<Divide me.>"
    assert "no schemas here" in answer.note


async def test_no_room_for_parts_is_said_before_anything_is_asked(
    tmp_path: Path,
) -> None:
    nodes = [backend(echo)]
    with pytest.raises(PlanError, match="`max_parts` is 4"):
        await ask(tmp_path, nodes, "Divide me.", max_parts=4)
    assert not nodes[0].asked


async def test_a_merge_that_is_too_long_is_a_concatenation(tmp_path: Path) -> None:
    long = backend(say("word " * 3000), context=1000)
    answer = await ask(tmp_path, [long], parts=[{"prompt": "a"}, {"prompt": "b"}])

    assert "joined and not merged" in answer.note
    assert answer.text.count("word") == 6000


async def test_a_budget_shortens_the_answers(tmp_path: Path) -> None:
    nodes = [backend(echo)]
    await ask(
        tmp_path,
        nodes,
        parts=[{"prompt": "a"}, {"prompt": "b"}],
        budget_tokens=300,
    )

    assert sum(body["max_tokens"] for _, _, body in nodes[0].asked) <= 300


async def test_a_budget_that_is_too_small_is_refused(tmp_path: Path) -> None:
    nodes = [backend(echo)]
    with pytest.raises(PlanError, match="`budget_tokens` is 30"):
        await ask(
            tmp_path,
            nodes,
            parts=[{"prompt": "a"}, {"prompt": "b"}],
            budget_tokens=30,
        )
    assert not nodes[0].asked


async def test_a_plan_can_be_seen_before(tmp_path: Path) -> None:
    async with divided_club(tmp_path, [backend(echo)]) as (_, club):
        given = await club.plan(
            "x", mode="subtasks", parts=[{"prompt": "a"}, {"prompt": "b"}]
        )
        planned = await club.plan("Divide me.", mode="subtasks")

    assert [step.kind for step in given.steps] == ["part", "part", "merge"]
    assert planned.note == "the parts are planned by a model when the job runs"
    assert [step.kind for step in planned.steps] == [
        *("plan", "plan"),
        *["part"] * 12,
        "merge",
    ]
    assert planned.bounds.completion_tokens == 2 * 768 + 13 * 512


async def test_a_planned_job_keeps_to_the_bounds_that_were_shown(
    tmp_path: Path,
) -> None:
    many = plan_json(*({"id": str(n), "prompt": f"part {n}"} for n in range(1, 5)))
    nodes = [backend(planner('{"parts": [', many))]
    async with divided_club(tmp_path, nodes) as (_, club):
        shown = await club.plan("Divide me.", mode="subtasks", max_parts=7)
        await club.ask("Divide me.", mode="subtasks", max_parts=7)

    bodies = [body for _, _, body in nodes[0].asked]
    assert len(bodies) == shown.bounds.requests == 7
    assert sum(body["max_tokens"] for body in bodies) <= shown.bounds.completion_tokens


async def test_without_a_question_the_merge_is_told_of_the_parts(
    tmp_path: Path,
) -> None:
    nodes = [backend(echo)]
    await ask(tmp_path, nodes, parts=[{"prompt": "Name a fruit."}, {"prompt": "b"}])

    assert "Question:\nName a fruit.\nb" in asked_of(nodes[0].asked[-1][2])


async def test_joined_answers_of_which_one_was_cut_say_so(tmp_path: Path) -> None:
    def cut(body: Body) -> Any:
        end = "length" if "two" in asked_of(body) else "stop"
        return [word("so"), msgspec.structs.replace(stop(), finish_reason=end), USAGE]

    answer = await ask(
        tmp_path,
        [backend(cut)],
        parts=[{"prompt": "one"}, {"prompt": "two"}, {"prompt": "three"}],
        merge="concat",
    )

    assert answer.finish_reason == "length"
