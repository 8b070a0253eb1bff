"""What the club's checks catch, with the embedded model: `python -m benchmarks.checks`.

Known answers: each template is asked `--tries` times of the honest model; an answer of
more than 96 tokens is cut.

Answer keys: open prompts at temperature 0 are asked of two instances of the model,
whose answers are the references, and then of whatever is to be told from it: the second
instance again, one that answers four requests at once, two cheaper models (the same
file without 2, and without 6, of its 30 layers), a server that drops the system prompt,
one that raises the temperature to 0.8, one that answers another prompt, one that
repeats the request, one that refuses, one that stops early, and one that says garbage.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Final

import anyio
import msgspec
import platformdirs

from benchmarks.agreement import answer_to
from benchmarks.pruned import prune
from clubai.agent.backends.base import Backend
from clubai.agent.backends.embedded import open_embedded
from clubai.agent.backends.models import ensure_model
from clubai.model import NodeId
from clubai.verification import (
    TEMPLATES,
    AnswerKey,
    Reference,
    make_question,
)
from clubai.verification.keys import Compared, can_be_key, compare
from clubai.verification.prompts import OpenPrompt, make_prompt

CONTEXT: Final = 1024
MAX_KNOWN: Final = 96
"""Tokens of an answer to a question with a known answer."""
SEED: Final = 20_260
CHEAPER: Final = {
    "2 layers fewer": (14, 15),
    "6 layers fewer": (12, 13, 14, 15, 16, 17),
}
LETTERS: Final = "etaoinshrdlucmfwypvbgk    "
Ask = Callable[[OpenPrompt], Awaitable[tuple[str, str]]]


class TemplateRow(msgspec.Struct, frozen=True):
    """One template: how many of `tries` the model answered rightly."""

    template: str
    tries: int
    passed: int


class KeyRow(msgspec.Struct, frozen=True):
    """One kind of node against the keys."""

    node: str
    answers: int
    not_comparable: int
    """Cut off, or ended in another way."""
    exact: int
    near: int
    alike: int
    another: int

    @property
    def caught(self) -> float | None:
        """The share of comparable answers that fail the check."""
        compared = self.answers - self.not_comparable
        return self.another / compared if compared else None

    @property
    def not_exact(self) -> float | None:
        """The share that would fail if every word had to be the same."""
        compared = self.answers - self.not_comparable
        return 1 - self.exact / compared if compared else None


class Result(msgspec.Struct, frozen=True):
    """All of it."""

    templates: list[TemplateRow]
    prompts: int
    """Open prompts that were asked."""
    keys: int
    """Of which the two references ended by themselves and are alike."""
    references_equal: int
    """Of which the two references are the same, letter by letter."""
    rows: list[KeyRow]


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.checks", description=__doc__
    )
    parser.add_argument("--tries", type=int, default=20, help="of each template")
    parser.add_argument("--prompts", type=int, default=30, help="for answer keys")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    result = anyio.run(measure, args.tries, args.prompts)
    if args.json:
        print(json.dumps(msgspec.to_builtins(result)))
    else:
        print(*lines(result), sep="\n")
    return 0


async def measure(tries: int, prompts: int) -> Result:
    file = await ensure_model(cache=platformdirs.user_cache_path("clubai") / "models")
    with TemporaryDirectory(prefix="clubai-checks-") as folder:
        async with AsyncExitStack() as stack:

            async def start(path: Path, slots: int = 1) -> Backend:
                opened = open_embedded(path, slots=slots, context=CONTEXT)
                return await stack.enter_async_context(opened)

            first, second, other = [await start(file) for _ in range(3)]
            busy = await start(file, 4)
            cheaper = {}
            for name, removed in CHEAPER.items():
                path = Path(folder) / f"{len(removed)}-fewer.gguf"
                prune(file, path, removed)
                cheaper[name] = await start(path)
            templates: list[TemplateRow] = []
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(try_templates, other, tries, templates)
                found = await try_keys(first, second, busy, cheaper, prompts)
            return msgspec.structs.replace(found, templates=templates)


async def try_templates(node: Backend, tries: int, rows: list[TemplateRow]) -> None:
    for template in TEMPLATES:
        rng = Random(f"{SEED} {template}")
        passed = 0
        for _ in range(tries):
            question = make_question(rng, (template,))
            body = {**question.body(), "seed": 1}
            body["max_tokens"] = min(question.max_tokens, MAX_KNOWN)
            text, _ = await answer_to(node, body)
            passed += question.judge(text)
        rows.append(TemplateRow(template, tries, passed))
        say(f"{template}: {passed}")


async def try_keys(
    first: Backend,
    second: Backend,
    busy: Backend,
    cheaper: dict[str, Backend],
    count: int,
) -> Result:
    rng = Random(SEED)
    prompts = [make_prompt(rng) for _ in range(count)]
    keys, equal = [], 0
    for number, prompt in enumerate(prompts):
        pair = [await answer_to(node, alone(prompt)) for node in (first, second)]
        references = tuple(
            Reference(node=NodeId(bytes(32)), owner=who, text=text, finish_reason=end)
            for who, (text, end) in zip(("a", "b"), pair, strict=True)
        )
        if can_be_key(references, "owners"):
            equal += pair[0] == pair[1]
            keys.append(
                AnswerKey(
                    id=str(number),
                    model="m",
                    quantization="",
                    prompt=prompt,
                    references=references,
                    source="owners",
                )
            )
        say(
            f"prompt {number}: {pair[0][1]}, {'equal' if pair[0] == pair[1] else 'not'}"
        )
    asks: dict[str, Ask] = {
        "honest, asked again": asking(second, alone),
        "honest, without the system prompt": asking(second, without_system),
        "honest, at temperature 0.8": asking(second, warmer),
    }
    asks |= {name: asking(node, alone) for name, node in cheaper.items()}
    rows = [await against(name, keys, ask) for name, ask in asks.items()]
    rows.insert(1, await all_at_once("honest, four requests at once", keys, busy))
    say(str(rows[1]))
    turned = dict(zip([key.id for key in keys], [*keys[1:], *keys[:1]], strict=True))
    fixed = {
        "the answer to another prompt": lambda key: turned[key.id].references[0].text,
        "the request repeated": lambda key: key.prompt.messages[-1].content,
        "garbage": garbage,
        "a refusal": lambda _: "I'm sorry, but I can't help with that request.",
        "the first third of the answer": lambda key: third(key.references[0].text),
    }
    for name, made in fixed.items():
        found = [compare(key, made(key), "stop") for key in keys]
        rows.append(counted(name, found))
    return Result([], count, len(keys), equal, rows)


async def against(name: str, keys: list[AnswerKey], ask: Ask) -> KeyRow:
    found = []
    for key in keys:
        text, finish = await ask(key.prompt)
        found.append(compare(key, text, finish))
    say(f"{name}: {counted(name, found)}")
    return counted(name, found)


async def all_at_once(name: str, keys: list[AnswerKey], node: Backend) -> KeyRow:
    found: list[Compared] = []
    limiter = anyio.CapacityLimiter(4)

    async def one(key: AnswerKey) -> None:
        async with limiter:
            text, finish = await answer_to(node, key.prompt.body())
        found.append(compare(key, text, finish))

    async with anyio.create_task_group() as tasks:
        for key in keys:
            tasks.start_soon(one, key)
    return counted(name, found)


def counted(name: str, found: Sequence[Compared]) -> KeyRow:
    def count(outcome: str) -> int:
        return sum(each.outcome == outcome for each in found)

    return KeyRow(
        node=name,
        answers=len(found),
        not_comparable=count("not comparable"),
        exact=count("exact"),
        near=count("near"),
        alike=count("alike"),
        another=count("another answer"),
    )


def asking(node: Backend, body: Callable[[OpenPrompt], dict[str, Any]]) -> Ask:
    async def ask(prompt: OpenPrompt) -> tuple[str, str]:
        return await answer_to(node, body(prompt))

    return ask


def alone(prompt: OpenPrompt) -> dict[str, Any]:
    """The request as a server gets it that keeps nothing of earlier ones."""
    return {**prompt.body(), "cache_prompt": False}


def without_system(prompt: OpenPrompt) -> dict[str, Any]:
    body = alone(prompt)
    return {**body, "messages": body["messages"][-1:]}


def warmer(prompt: OpenPrompt) -> dict[str, Any]:
    return {**alone(prompt), "temperature": 0.8}


def garbage(key: AnswerKey) -> str:
    rng = Random(key.id)
    return "".join(rng.choice(LETTERS) for _ in key.references[0].text)


def third(text: str) -> str:
    return text[: len(text) // 3]


def lines(result: Result) -> list[str]:
    tries = result.templates[0].tries
    found = [f"known answers: right of {tries}"]
    found += [f"  {row.template:24}{row.passed:4}" for row in result.templates]
    found += [
        "",
        f"answer keys: {result.keys} of {result.prompts} prompts made one",
        f"  both references equal: {result.references_equal}",
        f"  {'node':36}{'compared':>9}{'exact':>7}{'near':>6}{'alike':>7}{'fails':>7}",
    ]
    for key in result.rows:
        compared = key.answers - key.not_comparable
        found.append(
            f"  {key.node:36}{compared:9}{key.exact:7}{key.near:6}{key.alike:7}"
            f"{key.another:7}"
        )
    return found


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
