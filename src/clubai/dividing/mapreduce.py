"""How large the pieces of *context* are, and the plan made of them.

The plan takes every answer at its longest. What runs has at most as many notes at each
level, and packs them into at most as many groups (`clubai.dividing.reducing.groups`),
so that neither requests nor tokens exceed the plan's bounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from clubai.dividing.context import (
    Passage,
    chunk_budget,
    default_answer_tokens,
    default_part_tokens,
    map_messages,
)
from clubai.dividing.context_prompts import reduce_template
from clubai.dividing.options import Dividing
from clubai.dividing.plan import Plan, Step
from clubai.dividing.reducing import fan_in
from clubai.dividing.templates import Count, tokens_of, usable
from clubai.errors import PlanError
from clubai.model import Value
from clubai.splitting import estimate_tokens


class Sizes(Value, frozen=True, kw_only=True):
    """Tokens of the pieces of one job, for nodes of one context or more."""

    chunk: int
    """Of a chunk at most."""
    part: int
    """Of an answer of a map or reduce step at most."""
    answer: int
    """Of the final answer at most."""
    room: int
    """Of the notes in one reduce prompt at most."""
    prompt: int
    """Of any reduce prompt at most."""
    usable: int
    """Of a prompt and its answer together."""


def sizes_of(
    context: int,
    *,
    question: str,
    options: Dividing,
    system: str = "",
    answer_tokens: int = 0,
    count: Count = estimate_tokens,
) -> Sizes:
    """The sizes that fit a context.

    `answer_tokens` is what the request allows for the final answer, of which no more
    than a quarter of the context is planned for; 0: chosen by the context.

    Raises:
        PlanError: the question leaves no room for a chunk.
    """
    part = options.part_tokens or default_part_tokens(context)
    answer = min(answer_tokens or default_answer_tokens(context), context // 4)
    chunk = chunk_budget(
        context,
        question=question,
        system=system,
        options=options,
        part_tokens=part,
        count=count,
    )
    prompt = usable(context) - max(part, answer)
    room = min(
        reduce_template(options, system, final=final).room(
            "answers",
            total=prompt,
            known={"question": question},
            most={},
            count=count,
        )
        for final in (False, True)
    )
    return Sizes(
        chunk=chunk,
        part=part,
        answer=answer,
        room=room,
        prompt=prompt,
        usable=usable(context),
    )


def plan_of(
    passages: Sequence[Passage],
    sizes: Sizes,
    *,
    model: str,
    question: str,
    options: Dividing,
    system: str = "",
    count: Count = estimate_tokens,
) -> Plan:
    """The plan: a map step for each passage, then levels of reduce steps.

    A lone passage is asked about in one step, whose answer is the final one.

    Raises:
        PlanError: there are no passages, or two notes do not fit one prompt.
    """
    if not passages:
        raise PlanError("the documents are empty: there is nothing to ask about")
    steps = [
        Step(
            id=f"map-{passage.number}",
            kind="map",
            title=title_of(passage),
            prompt_tokens=tokens_of(
                map_messages(passage, question, options, system=system), count
            ),
            max_tokens=sizes.part,
        )
        for passage in passages
    ]
    if len(steps) == 1:
        steps = [_alone(steps[0], sizes)]
    else:
        steps += _reduce_steps([step.id for step in steps], sizes)
    return Plan(mode="context", model=model, steps=tuple(steps))


def title_of(passage: Passage) -> str:
    """Where a passage is from, for people."""
    names = [name for name in (passage.document, passage.chunk.heading) if name]
    return ": ".join(names) or f"passage {passage.number}"


def _alone(step: Step, sizes: Sizes) -> Step:
    most = min(sizes.answer, sizes.usable - step.prompt_tokens)
    return msgspec.structs.replace(step, max_tokens=max(most, 1))


def _reduce_steps(waiting: Sequence[str], sizes: Sizes) -> Iterator[Step]:
    """The steps above those that wait; any may turn out not to be needed."""
    most = fan_in(sizes.room, sizes.part)
    level = 0
    while len(waiting) > most:
        level += 1
        made = [
            Step(
                id=f"reduce-{level}-{number}",
                kind="reduce",
                title=f"{len(needs)} notes into one",
                needs=needs,
                prompt_tokens=sizes.prompt,
                max_tokens=sizes.part,
                perhaps=True,
            )
            for number, needs in enumerate(_evenly(waiting, most), 1)
        ]
        yield from made
        waiting = [step.id for step in made]
    yield Step(
        id="merge",
        kind="merge",
        title=f"the answer from {len(waiting)} notes",
        needs=tuple(waiting),
        prompt_tokens=sizes.prompt,
        max_tokens=sizes.answer,
        perhaps=True,
    )


def _evenly(ids: Sequence[str], most: int) -> Iterator[tuple[str, ...]]:
    """Runs of `ids` of at most `most`, as few and as alike in length as can be."""
    size, runs = len(ids), -(-len(ids) // most)
    for run in range(runs):
        yield tuple(ids[run * size // runs : (run + 1) * size // runs])
