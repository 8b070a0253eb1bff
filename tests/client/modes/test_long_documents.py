"""*Context* over documents of the length of a book: all of it is read, and in order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import anyio
import pytest

from clubai.client import Answer
from clubai.dividing.options import MOST_PARTS
from clubai.splitting import estimate_tokens
from support.divided_club import backend, divided_club
from support.scripted_backend import Answerer, ScriptedBackend, say

Body = dict[str, Any]

CONTEXT = 2048
NODES = 3
SLOTS = 2
WORDS = 200_000
FEWER_WORDS = 40_000
KEYS = 40
LONG_PARAGRAPH = 120
"""Sentences of a paragraph that fits no node."""
QUESTION = "Which keys are there?"
ASKED = "\n\nUsing only the text above"
FILLER = " It is told at some length, and with many words." * 5
VOCABULARY = (
    "harbour winter lantern river the a of in and was where nobody morning letters "
    "remembered quietly under bridge seven old garden window stone walked between"
)


class Book(NamedTuple):
    text: str
    ends: frozenset[int]
    """Where a sentence or a heading ends."""
    paragraphs: frozenset[int]
    """Where a paragraph or a heading ends."""
    long: tuple[tuple[int, int], ...]
    """From where to where the paragraphs go that fit no node."""
    keys: tuple[str, ...]
    """In their order in the text, which is not that of their numbers."""


def book(words: int) -> Book:
    """Chapters of paragraphs of sentences, always the same; keys all over it."""
    rng = Random(words)  # noqa: S311
    vocabulary = VOCABULARY.split()
    numbers = rng.sample(range(100, 1000), KEYS)
    parts: list[str] = []
    ends, paragraphs, long = [], [], []
    keys: list[str] = []
    size = written = 0

    def write(text: str, behind: str) -> None:
        nonlocal size, written
        parts.extend((text, behind))
        ends.append(size + len(text))
        size += len(text) + len(behind)
        written += len(text.split())

    for number in range(10**6):
        if written >= words:
            break
        if number % 40 == 0:
            write(f"Chapter {number // 40 + 1}", "\n\n")
            paragraphs.append(ends[-1])
        start = size
        sentences = LONG_PARAGRAPH if number % 100 == 99 else rng.randint(2, 8)
        for left in reversed(range(sentences)):
            chosen = rng.choices(vocabulary, k=rng.randint(5, 18))
            if len(keys) * words < written * KEYS and len(keys) < KEYS:
                keys.append(f"K{numbers[len(keys)]}K")
                chosen.append(keys[-1])
            mark = rng.choice("...?!")
            write(" ".join(chosen) + mark, " " if left else "\n\n")
        paragraphs.append(ends[-1])
        if sentences == LONG_PARAGRAPH:
            long.append((start, ends[-1]))
    text = "".join(parts)
    return Book(text, frozenset(ends), frozenset(paragraphs), tuple(long), tuple(keys))


def prompt_of(body: Body) -> str:
    return str(body["messages"][-1]["content"])


def is_map(body: Body) -> bool:
    return ASKED in prompt_of(body)


def reader(body: Body) -> Any:
    """Says which keys it sees, of a passage at length."""
    keys = list(dict.fromkeys(re.findall(r"K\d+K", prompt_of(body))))
    if not keys:
        return say("NONE")(body)
    return say(" ".join(keys) + (FILLER if is_map(body) else ""))(body)


class InAnyOrder:
    """Holds back answers, and lets one go by chance when no more requests can come.

    `stages` are how many requests come before others: passages, and levels of notes.
    As many are held as the nodes have slots, or as there are left of a stage.
    """

    def __init__(self, seed: int, stages: Sequence[int]) -> None:
        self._rng = Random(seed)  # noqa: S311
        self._stages = list(stages)
        self._left = self._stages.pop(0)
        self._held: list[tuple[int, anyio.Event]] = []
        self._seen = 0
        self.order: list[int] = []

    def __call__(self, body: Body) -> Any:
        let_go = anyio.Event()
        self._held.append((self._seen, let_go))
        self._seen += 1
        while self._left and len(self._held) >= min(NODES * SLOTS, self._left):
            number, event = self._held.pop(self._rng.randrange(len(self._held)))
            self.order.append(number)
            self._left -= 1
            event.set()
        if not self._left and self._stages:
            self._left = self._stages.pop(0)
        return [let_go, *reader(body)]


def stages_of(answer: Answer) -> list[int]:
    """How many steps were asked of each level, from the passages up."""
    done = [part.id.rpartition("-")[0] for part in answer.parts if part.state == "done"]
    return list(Counter(done).values())


def nodes_of(answer: Answerer) -> list[ScriptedBackend]:
    return [backend(answer, context=CONTEXT, slots=SLOTS) for _ in range(NODES)]


async def ask(tmp_path: Path, nodes: Sequence[ScriptedBackend], text: str) -> Answer:
    async with divided_club(tmp_path, nodes) as (_, club):
        return await club.ask(
            QUESTION,
            mode="context",
            documents=[{"text": text}],
            max_parts=MOST_PARTS,
        )


def bodies(nodes: Sequence[ScriptedBackend]) -> list[Body]:
    return [body for node in nodes for _, _, body in node.asked]


def spans(nodes: Sequence[ScriptedBackend], text: str) -> list[tuple[int, int]]:
    """From where to where the text goes that each passage had, in order."""
    found = []
    for body in bodies(nodes):
        if is_map(body):
            chunk = prompt_of(body).partition(ASKED)[0].strip()
            start = text.find(chunk)
            assert start >= 0, "what a node was given is not in the document"
            found.append((start, start + len(chunk)))
    return sorted(found)


@pytest.mark.parametrize(
    ("anyio_backend", "words"),
    [("asyncio", WORDS), ("trio", FEWER_WORDS)],
)
async def test_a_book_is_read_to_its_last_character(tmp_path: Path, words: int) -> None:
    whole = book(words)
    nodes = nodes_of(reader)
    answer = await ask(tmp_path, nodes, whole.text)

    read = spans(nodes, whole.text)
    assert len(read) > words / 1500
    at = 0
    for start, end in read:
        assert not whole.text[at:start].strip(), "some of it was read by nobody"
        assert start >= at, "some of it was read twice"
        at = end
    assert not whole.text[at:].strip()
    for _, end in read:
        assert end in whole.ends
        if end not in whole.paragraphs:
            assert any(first < end < last for first, last in whole.long)

    assert len(whole.keys) == KEYS
    assert re.findall(r"K\d+K", answer.text) == list(whole.keys)
    kinds = [part.kind for part in answer.parts if part.state == "done"]
    assert kinds.count("map") == len(read)
    assert kinds.count("reduce") > 1
    assert kinds[-1] == "merge"
    assert answer.note == ""


@pytest.mark.parametrize(
    ("anyio_backend", "words"),
    [("asyncio", WORDS), ("trio", FEWER_WORDS)],
)
async def test_no_request_is_longer_than_a_node_holds(
    tmp_path: Path, words: int
) -> None:
    nodes = nodes_of(reader)
    await ask(tmp_path, nodes, book(words).text)

    sizes = [
        sum(estimate_tokens(message["content"]) for message in body["messages"])
        + body["max_tokens"]
        for body in bodies(nodes)
    ]
    assert max(sizes) <= CONTEXT
    # and none is much shorter than it may be: that would be more requests
    assert sum(size > CONTEXT * 3 // 4 for size in sizes) > len(sizes) // 2


async def test_the_order_of_answers_does_not_matter(tmp_path: Path) -> None:
    text = book(FEWER_WORDS).text
    first = nodes_of(reader)
    expected = await ask(tmp_path / "first", first, text)
    stages = stages_of(expected)
    assert len(stages) > 2
    asked = sorted(map(prompt_of, bodies(first)))
    orders = []
    for seed in (1, 2):
        shuffled = InAnyOrder(seed, stages)
        nodes = nodes_of(shuffled)
        with anyio.fail_after(30):
            answer = await ask(tmp_path / str(seed), nodes, text)
        orders.append(shuffled.order)
        assert len(shuffled.order) == sum(stages)
        assert answer.text == expected.text
        assert [(p.id, p.state, p.text) for p in answer.parts] == [
            (p.id, p.state, p.text) for p in expected.parts
        ]
        assert sorted(map(prompt_of, bodies(nodes))) == asked
    assert orders[0] != orders[1]
    assert sorted(orders[0]) not in orders
