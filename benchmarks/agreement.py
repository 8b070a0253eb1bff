"""How well answers that agree are told from cheats: `python -m benchmarks.agreement`.

Three answers to a prompt are judged as `text`: all honest, which shows the false
alarms, and two honest with one cheat, which shows what is caught. The honest answers
are those written for the tests, five to a prompt, and with `--model` also the embedded
model's own at temperature 0.7, each to a prompt with another seed: that takes two
minutes of one processor.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any, Final, TypeVar

import anyio
import msgspec
import platformdirs

from clubai.agent.backends.base import Backend
from clubai.agent.backends.embedded import open_embedded
from clubai.agent.backends.models import DEFAULT_MODEL, ensure_model
from clubai.comparing import Candidate, Comparator, Judgement, judge
from clubai.comparing.judging import CUT
from clubai.protocol.records import Choice, text_of

if TYPE_CHECKING:
    from comparing.cheats import Cheat

TESTS: Final = Path(__file__).parent.parent / "tests"
THRESHOLDS: Final = (0.25, 0.30, 0.35)
SEEDS: Final = (1, 2, 3)
SLOTS: Final = 4
MAX_CUT: Final = 64
MAX_SENTENCES: Final = 200
MAX_SHORT: Final = 40
"""Tokens of an answer."""
TEXT: Final = Comparator()
Case = TypeVar("Case")

OPEN: Final = (
    "Explain why the sky is blue.",
    "Give three tips for saving money.",
    "Describe how bread is made.",
    "What are the benefits of regular exercise?",
    "Explain what a computer virus is.",
    "Describe a rainforest.",
    "Explain how a bicycle stays upright.",
    "Why do leaves change colour in autumn?",
    "Describe the water cycle.",
    "What should I pack for a weekend trip?",
    "Explain the idea of supply and demand.",
    "How can I sleep better at night?",
    "Tell me about the history of the telephone.",
    "What makes a good friend?",
    "Explain how vaccines work.",
    "Describe a day at the beach.",
    "How do I start a vegetable garden?",
    "Why is reading important for children?",
)
SHORT: Final = (
    "What is the capital of France?",
    "What colour is a ripe banana?",
    "How many legs does a spider have?",
    "Name a fruit.",
    "Which planet do we live on?",
    "What is the opposite of hot?",
    "What animal says moo?",
    "What is 3 + 4?",
    "Name the largest ocean.",
    "What do bees make?",
    "What is the first month of the year?",
    "Which season is the coldest?",
    "What language is spoken in Brazil?",
    "What is frozen water called?",
    "How many days are in a week?",
    "What is the capital of Italy?",
    "Name a metal.",
    "What gas do humans breathe in?",
    "What is the boiling point of water?",
    "Who wrote Romeo and Juliet?",
)
FEW_SENTENCES: Final = " Answer in two or three sentences."
ONE_SENTENCE: Final = " Answer in one short sentence."


class Group(msgspec.Struct, frozen=True):
    """Honest answers to one prompt."""

    prompt: str
    honest: tuple[str, ...]


class Source(msgspec.Struct, frozen=True):
    """Prompts of one sort with their answers."""

    name: str
    groups: list[Group]
    left_out: int = 0
    """Answers that were cut off."""


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """What one threshold does to the answers of one source. Shares, 0 to 1."""

    source: str
    threshold: float
    threes: int
    """Sets of three honest answers."""
    false_alarms: float | None
    """Honest answers that are outliers among three honest ones."""
    pairs_apart: float | None
    """Pairs of honest answers that do not agree."""
    no_quorum: float | None
    """Sets of three honest answers of which no two agree."""
    false_lowest: float | None
    """Honest ones that are lowest and below the threshold among three honest ones."""
    lowest: dict[str, float | None]
    """By cheat: sets of two honest and one bad answer in which that has the one lowest
    mean similarity, and below the threshold, whether the honest ones agree or not."""
    caught: dict[str, float | None]
    """By cheat: sets of two honest and one bad answer in which that is an outlier."""
    honest_wins: dict[str, float | None]
    """By cheat: such sets in which an honest answer is chosen."""
    cheat_wins: dict[str, float | None]
    """By cheat: such sets in which the bad answer is chosen."""
    honest_of_five: dict[str, float | None]
    """By cheat: sets of three honest answers and two that are the same bad one, in
    which an honest one is chosen."""
    cheat_of_five: dict[str, float | None]
    """By cheat: such sets in which the bad one is chosen."""


HONEST: Final[dict[str, Callable[[Rates], float | None]]] = {
    "outliers among three": lambda row: row.false_alarms,
    "lowest of three, and below T": lambda row: row.false_lowest,
    "pairs that do not agree": lambda row: row.pairs_apart,
    "threes without a quorum": lambda row: row.no_quorum,
}


BY_CHEAT: Final[dict[str, Callable[[Rates], dict[str, float | None]]]] = {
    "one bad of three: lowest, below": lambda row: row.lowest,
    "one bad of three: an outlier": lambda row: row.caught,
    "one bad of three: honest chosen": lambda row: row.honest_wins,
    "one bad of three: bad chosen": lambda row: row.cheat_wins,
    "two of five: honest chosen": lambda row: row.honest_of_five,
    "two of five: bad chosen": lambda row: row.cheat_of_five,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.agreement", description=__doc__
    )
    parser.add_argument("--model", action="store_true", help="ask the embedded model")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    sources = [written()]
    if args.model:
        sources += anyio.run(from_model)
    found = [rates(source, each) for source in sources for each in THRESHOLDS]
    if args.json:
        shown = {"left_out": {source.name: source.left_out for source in sources}}
        print(json.dumps({**shown, "rates": msgspec.to_builtins(found)}))
        return 0
    for source in sources:
        rows = [row for row in found if row.source == source.name]
        print(*table(source, rows), "", sep="\n")
    return 0


def written() -> Source:
    """The open prompts of the tests, with the answers that were written for them."""
    if str(TESTS) not in sys.path:
        sys.path.append(str(TESTS))
    from comparing.planted import OPEN as planted

    groups = [Group(each.prompt, each.honest) for each in planted]
    return Source("written", groups)


async def from_model() -> list[Source]:
    """The embedded model's own answers to open and to short questions."""
    file = await ensure_model(cache=platformdirs.user_cache_path("clubai") / "models")
    async with open_embedded(file, slots=SLOTS, threads=1, context=512) as backend:
        return [
            await asked(backend, "open, cut alike", OPEN, "", MAX_CUT, cut=True),
            await asked(backend, "open", OPEN, FEW_SENTENCES, MAX_SENTENCES),
            await asked(backend, "short", SHORT, ONE_SENTENCE, MAX_SHORT),
        ]


async def asked(
    backend: Backend,
    name: str,
    prompts: Sequence[str],
    form: str,
    tokens: int,
    *,
    cut: bool = False,
) -> Source:
    """Ask for the answers; those that were cut off are left out, or with `cut` not."""
    answers: dict[tuple[str, int], str] = {}
    slots = anyio.CapacityLimiter(SLOTS)

    async def one(prompt: str, seed: int) -> None:
        body = {
            "messages": [{"role": "user", "content": prompt + form}],
            "temperature": 0.7,
            "seed": seed,
            "max_tokens": tokens,
        }
        async with slots:
            text, finish = await answer_to(backend, body)
        if cut or finish != CUT:
            answers[prompt, seed] = text

    async with anyio.create_task_group() as tasks:
        for prompt in prompts:
            for seed in SEEDS:
                tasks.start_soon(one, prompt, seed)
    groups = [
        Group(
            prompt + form,
            tuple(answers[prompt, seed] for seed in SEEDS if (prompt, seed) in answers),
        )
        for prompt in prompts
    ]
    return Source(name, groups, len(prompts) * len(SEEDS) - len(answers))


async def answer_to(backend: Backend, body: dict[str, Any]) -> tuple[str, str]:
    text, finish = "", ""
    async with backend.run("chat", DEFAULT_MODEL, body) as pieces:
        async for piece in pieces:
            if isinstance(piece, Choice):
                text += text_of(piece)
                finish = piece.finish_reason or finish
    return text, finish


def rates(source: Source, threshold: float) -> Rates:
    from comparing.cheats import CHEATS

    def judged(prompt: str, *texts: str) -> Judgement:
        candidates = [
            Candidate(label=str(place), text=text) for place, text in enumerate(texts)
        ]
        return judge(candidates, TEXT, threshold=threshold, prompt=prompt)

    honest = [
        (group.prompt, *three)
        for group in source.groups
        for three in combinations(group.honest, 3)
    ]
    threes = [judged(*texts) for texts in honest]
    pairs = [
        judged(group.prompt, *pair)
        for group in source.groups
        for pair in combinations(group.honest, 2)
    ]
    cheats = {name: cheat for name, cheat in CHEATS.items() if name != "a wrong value"}
    mixed = {name: [*with_bad(source, cheat, 2, 1)] for name, cheat in cheats.items()}
    one = {name: [judged(*texts) for texts in sets] for name, sets in mixed.items()}
    two = {
        name: [judged(*texts) for texts in with_bad(source, cheat, 3, 2)]
        for name, cheat in cheats.items()
    }
    return Rates(
        source=source.name,
        threshold=threshold,
        threes=len(threes),
        false_alarms=share(threes, lambda each: len(each.outliers) / 3),
        pairs_apart=share(pairs, lambda each: not each.quorum),
        no_quorum=share(threes, lambda each: not each.quorum),
        false_lowest=share(honest, lambda each: (lowest(each, threshold) >= 0) / 3),
        lowest={
            name: share(sets, lambda each: lowest(each, threshold) == 2)
            for name, sets in mixed.items()
        },
        caught={name: share(all_, is_caught) for name, all_ in one.items()},
        honest_wins={name: share(all_, honest_won(2)) for name, all_ in one.items()},
        cheat_wins={name: share(all_, cheat_won(2)) for name, all_ in one.items()},
        honest_of_five={name: share(all_, honest_won(3)) for name, all_ in two.items()},
        cheat_of_five={name: share(all_, cheat_won(3)) for name, all_ in two.items()},
    )


def with_bad(
    source: Source, cheat: Cheat, honest: int, bad: int
) -> Iterator[tuple[str, ...]]:
    """A prompt, so many honest answers to it, and so many times the same bad one.

    Whoever truncates has an honest answer of their own, which is not in the set.
    """
    from comparing.cheats import Scene, truncated
    from comparing.planted import Planted

    groups = [group for group in source.groups if group.honest]
    for place, group in enumerate(groups):
        other = groups[(place + 1) % len(groups)]
        for own, text in enumerate(group.honest):
            rest = group.honest[:own] + group.honest[own + 1 :]
            scene = Scene(Planted(group.prompt, (text,)), Planted("", other.honest), 0)
            if cheat is not truncated:
                rest = group.honest[own:]
            for others in combinations(rest, honest):
                if cheat is truncated or others[0] is text:
                    yield group.prompt, *others, *[cheat(scene)] * bad


def lowest(texts: tuple[str, ...], threshold: float) -> int:
    """The place of the one lowest mean similarity, if below the threshold, or -1."""
    values = [TEXT.extract(text) for text in texts[1:]]
    means = [
        mean(TEXT.alike(one, other) for other in values[:at] + values[at + 1 :])
        for at, one in enumerate(values)
    ]
    least = min(means)
    return means.index(least) if least < threshold and means.count(least) == 1 else -1


def share(cases: Sequence[Case], of: Callable[[Case], float]) -> float | None:
    return sum(map(of, cases)) / len(cases) if cases else None


def is_caught(judgement: Judgement) -> bool:
    return judgement.outliers == ("2",)


def honest_won(honest: int) -> Callable[[Judgement], bool]:
    return lambda each: each.chosen is not None and int(each.chosen) < honest


def cheat_won(honest: int) -> Callable[[Judgement], bool]:
    return lambda each: each.chosen is not None and int(each.chosen) >= honest


def table(source: Source, rows: Sequence[Rates]) -> Iterator[str]:
    sizes = Counter(len(group.honest) for group in source.groups)
    answers = ", ".join(f"{sizes[size]} with {size}" for size in sorted(sizes))
    yield f"{source.name}: prompts by answers: {answers}; {source.left_out} were cut"
    heads = "".join(f"{f'T={row.threshold:.2f}':>8}" for row in rows)
    yield f"  {'honest answers':<32}{heads}"
    for what, of in HONEST.items():
        yield f"  {what:<32}" + percent(of(row) for row in rows)
    for what, by_cheat in BY_CHEAT.items():
        yield f"  {what:<32}{heads}"
        for cheat in rows[0].caught:
            yield f"  {cheat:<32}" + percent(by_cheat(row)[cheat] for row in rows)


def percent(shares: Iterable[float | None]) -> str:
    return "".join(
        f"{'-' if share is None else f'{100 * share:.1f}%':>8}" for share in shares
    )


if __name__ == "__main__":
    sys.exit(main())
