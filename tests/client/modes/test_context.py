from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from clubai.client import Answer
from clubai.errors import PlanError, TaskFailed
from clubai.protocol.records import Choice
from clubai.splitting import estimate_tokens
from support.divided_club import backend, broken, divided_club
from support.scripted_backend import ScriptedBackend, say

Body = dict[str, Any]
CONTEXT = 700


def text_of(body: Body) -> str:
    return "\n".join(str(message["content"]) for message in body["messages"])


def book(chapters: int = 12) -> str:
    sentences = "The ship sailed on through the night, and nobody said a word. " * 20
    return "\n\n".join(
        f"# Chapter {number}\n\n{sentences}\n\nThe key of it is K{number}K."
        for number in range(1, chapters + 1)
    )


def reader(body: Body) -> Any:
    """Gives back every key that it sees, as a model would that reads well."""
    keys = dict.fromkeys(re.findall(r"K\d+K", text_of(body)))
    said = [f"The key {key} is here." for key in keys]
    return say(" ".join(said) or "NONE")(body)


async def ask(
    tmp_path: Path, nodes: list[ScriptedBackend], prompt: str, **options: Any
) -> Answer:
    async with divided_club(tmp_path, nodes) as (_, club):
        return await club.ask(prompt, mode="context", **options)


async def test_every_chapter_is_read_and_the_findings_are_in_order(
    tmp_path: Path,
) -> None:
    nodes = [backend(reader, context=CONTEXT) for _ in range(3)]
    answer = await ask(
        tmp_path, nodes, "Which keys are there?", documents=[{"text": book()}]
    )

    found = re.findall(r"K(\d+)K", answer.text)
    assert list(dict.fromkeys(found)) == [str(number) for number in range(1, 13)]
    kinds = [part.kind for part in answer.parts if part.state == "done"]
    assert kinds.count("map") > 12
    assert kinds[-1] == "merge"
    assert all(nodes[number].asked for number in range(3))


async def test_no_request_is_longer_than_the_context(tmp_path: Path) -> None:
    nodes = [backend(reader, context=2000), backend(reader, context=CONTEXT)]
    await ask(tmp_path, nodes, "Which keys are there?", documents=[{"text": book()}])

    for each in nodes:
        for _, _, body in each.asked:
            assert estimate_tokens(text_of(body)) + body["max_tokens"] <= CONTEXT


async def test_the_document_may_be_in_the_question(tmp_path: Path) -> None:
    nodes = [backend(reader, context=CONTEXT)]
    answer = await ask(tmp_path, nodes, f"{book(3)}\n\nWhich keys are there?")

    assert re.findall(r"K(\d+)K", answer.text) == ["1", "2", "3"]


async def test_claims_are_cited(tmp_path: Path) -> None:
    text = book(4)
    nodes = [backend(reader, context=CONTEXT)]
    answer = await ask(
        tmp_path,
        nodes,
        "Which keys are there?",
        documents=[{"text": text, "name": "book.md", "kind": "markdown"}],
        cite=True,
    )

    assert len(answer.citations) == 4
    for number, citation in enumerate(answer.citations, start=1):
        assert f"K{number}K" in citation.claim
        assert f"K{number}K" in text[citation.start : citation.end]
        assert citation.document == "book.md"
        assert citation.heading == f"Chapter {number}"


async def test_a_document_that_fits_is_one_request(tmp_path: Path) -> None:
    nodes = [backend(reader, context=CONTEXT)]
    answer = await ask(
        tmp_path, nodes, "Which keys?", documents=[{"text": "Here is K7K."}]
    )

    assert answer.text == "The key K7K is here."
    assert len(nodes[0].asked) == 1


async def test_nothing_found_is_said(tmp_path: Path) -> None:
    nodes = [backend("NONE", context=CONTEXT)]
    answer = await ask(tmp_path, nodes, "Who?", documents=[{"text": book(3)}])

    assert answer.text == "The document says nothing about it."


async def test_passages_that_fail_are_named(tmp_path: Path) -> None:
    def torn(body: Body) -> Any:
        return broken(body) if "K2K" in text_of(body) else reader(body)

    nodes = [backend(torn, context=CONTEXT), backend(torn, context=CONTEXT)]
    answer = await ask(
        tmp_path, nodes, "Which keys are there?", documents=[{"text": book(4)}]
    )

    assert "without the passages that failed" in answer.note
    assert set(re.findall(r"K(\d+)K", answer.text)) == {"1", "3", "4"}


async def test_when_nothing_can_be_read_that_is_the_end(tmp_path: Path) -> None:
    nodes = [backend(broken, context=CONTEXT)]
    with pytest.raises(TaskFailed, match="it broke"):
        await ask(tmp_path, nodes, "Who?", documents=[{"text": book(2)}])


async def test_prompts_of_ones_own(tmp_path: Path) -> None:
    nodes = [backend(reader, context=CONTEXT)]
    await ask(
        tmp_path,
        nodes,
        "Which?",
        documents=[{"text": book(3)}],
        map_prompt="MAP {question} IN {chunk}",
        reduce_prompt="REDUCE {answers}",
    )

    asked = [str(body["messages"][-1]["content"]) for _, _, body in nodes[0].asked]
    assert all(text.startswith(("MAP Which? IN ", "REDUCE ")) for text in asked)
    assert asked[-1].startswith("REDUCE ")


async def test_a_note_that_is_left_alone_is_reduced_by_a_prompt_of_ones_own(
    tmp_path: Path,
) -> None:
    def finds_one(body: Body) -> Any:
        asked = text_of(body)
        if "REDUCE" in asked:
            return say("as a table")(body)
        return say("It is K2K." if "K2K" in asked else "NONE")(body)

    nodes = [backend(finds_one, context=CONTEXT)]
    options: dict[str, Any] = {"documents": [{"text": book(3)}]}
    plain = await ask(tmp_path / "plain", nodes, "Which?", **options)
    own = await ask(
        tmp_path / "own", nodes, "Which?", reduce_prompt="REDUCE {answers}", **options
    )

    assert plain.text == "It is K2K."
    assert own.text == "as a table"


async def test_more_chunks_than_requests_are_refused(tmp_path: Path) -> None:
    nodes = [backend(reader, context=CONTEXT)]
    with pytest.raises(PlanError, match="`max_parts` is 5"):
        await ask(tmp_path, nodes, "Who?", documents=[{"text": book()}], max_parts=5)
    assert not nodes[0].asked


async def test_an_empty_document_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="nothing to ask about"):
        await ask(tmp_path, [backend(reader)], "Who?", documents=[{"text": "  "}])


async def test_a_plan_shows_the_tree(tmp_path: Path) -> None:
    async with divided_club(tmp_path, [backend(reader, context=CONTEXT)]) as (_, club):
        plan = await club.plan("Who?", mode="context", documents=[{"text": book()}])

    kinds = [step.kind for step in plan.steps]
    assert kinds[0] == "map"
    assert "reduce" in kinds
    assert kinds[-1] == "merge"
    assert plan.depth >= 3


@pytest.mark.parametrize("chapters", [0, 3])
async def test_an_answer_that_was_cut_says_so(tmp_path: Path, chapters: int) -> None:
    def cut(body: Body) -> Any:
        final = "notes alone" in text_of(body) or not chapters
        pieces = list(reader(body))
        return [
            msgspec.structs.replace(piece, finish_reason="length")
            if final and isinstance(piece, Choice) and piece.finish_reason
            else piece
            for piece in pieces
        ]

    text = book(chapters) or "Here is K1K."
    nodes = [backend(cut, context=CONTEXT)]
    answer = await ask(tmp_path, nodes, "Which keys?", documents=[{"text": text}])

    assert answer.finish_reason == "length"
