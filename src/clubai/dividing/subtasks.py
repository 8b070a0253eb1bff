"""Parts of a job that are asked on their own, and what becomes of their answers.

Parts are given by the caller, found in the list that a prompt has, or planned by a
model (`clubai.dividing.planner`). Wherever answers are taken, None stands for a part
that failed, and so does an id that is not there.

Estimates hold as long as `count` gives an answer no more than the tokens that it may
have, and joining two texts adds no more than `SEAM_TOKENS` to what both count alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from clubai.dividing.options import Merge, Part
from clubai.dividing.plan import Plan, Step, in_order
from clubai.dividing.wording import divisible_list
from clubai.errors import PlanError
from clubai.model import Value

Answers = Mapping[str, str | None]
Count = Callable[[str], int]
Messages = list[dict[str, str]]

MISSING: Final = "(no answer: this part failed)"
TITLE_LENGTH: Final = 60
MOST_NEEDS: Final = 4096
"""Of all parts together: each is looked at again for every part in a row."""

MESSAGE_TOKENS: Final = 8
"""What a model's chat template puts around one message."""
SEAM_TOKENS: Final = 8

MERGE_SYSTEM: Final = "You put answers together. Leave nothing out."
SAY_MISSING: Final = " Say which parts have no answer."
MERGE_USER: Final = """\
Question:
{question}

Put these answers together into one text:

{answers}"""
NEEDS_USER: Final = """\
Use these answers:

{answers}

{prompt}"""


class NamedPart(Value, frozen=True, kw_only=True):
    """One part, with an id that no other part of its job has."""

    id: str
    prompt: str
    title: str
    """What it asks, on one short line."""
    needs: tuple[str, ...] = ()


class Found(Value, frozen=True, kw_only=True):
    """The parts that a prompt has itself: one for each item of its list."""

    parts: tuple[NamedPart, ...]
    preamble: str
    """The text before the list, and the one behind it: both are in every part."""
    closing: str


def given(parts: Sequence[Part]) -> tuple[NamedPart, ...]:
    """Name the parts that have no id by their number, from 1, and check them all.

    Raises:
        PlanError: there are none, one asks nothing or has an id that cannot be shown,
            two have one id, or what they need of each other cannot be had.
    """
    if not parts:
        raise PlanError("there are no parts")
    named = tuple(_named(part, number) for number, part in enumerate(parts, start=1))
    needs = sum(len(part.needs) for part in named)
    if needs > MOST_NEEDS:
        raise PlanError(f"parts need {needs} answers in all, at most {MOST_NEEDS} can")
    in_order([Step(id=part.id, kind="part", needs=part.needs) for part in named])
    return named


def found(prompt: str) -> Found | None:
    """The parts that the list in `prompt` is; None when there is nothing to divide.

    `clubai.dividing.wording` says which lists are parts. The prompt of each is the
    text before the list, the item without its marker, and the text behind the list.
    """
    listed = divisible_list(prompt)
    if listed is None:
        return None
    before, after = listed.before.strip(), listed.after.strip()
    parts = tuple(
        NamedPart(
            id=str(number),
            prompt="\n\n".join(filter(None, (before, item, after))),
            title=_title(item),
        )
        for number, item in enumerate(listed.items, start=1)
    )
    return Found(parts=parts, preamble=before, closing=after)


def part_prompt(part: NamedPart, answers: Answers) -> str:
    """What to ask for `part`, with the answers that it needs in front."""
    if not part.needs:
        return part.prompt
    return NEEDS_USER.format(answers=_answered(part.needs, answers), prompt=part.prompt)


def concat(parts: Iterable[NamedPart], answers: Answers) -> str:
    """All answers, one after the other, each below its id and what was asked."""
    return "\n\n".join(
        f"### {part.id}: {part.title}\n\n{_answer(part.id, answers)}" for part in parts
    )


def merge_messages(
    question: str, parts: Sequence[NamedPart], answers: Answers
) -> Messages:
    """Ask a model to write one answer to `question` from all answers."""
    ids = [part.id for part in parts]
    failed = any(answers.get(name) is None for name in ids)
    user = MERGE_USER.format(question=question, answers=_answered(ids, answers))
    return [
        {"role": "system", "content": MERGE_SYSTEM + (SAY_MISSING if failed else "")},
        {"role": "user", "content": user},
    ]


def merge_tokens(
    question: str, parts: Sequence[NamedPart], *, count: Count, part_tokens: int
) -> int:
    """Tokens that the prompt of the merge has at most."""
    empty = merge_messages(question, parts, {})
    return prompt_tokens(empty, count) + _answers_tokens(len(parts), part_tokens)


def prompt_tokens(messages: Iterable[Mapping[str, str]], count: Count) -> int:
    """Tokens of messages, with what a chat template puts around them."""
    return sum(count(each["content"]) + MESSAGE_TOKENS for each in messages)


def plan_of(
    question: str,
    parts: Sequence[NamedPart],
    *,
    model: str,
    merge: Merge,
    count: Count,
    part_tokens: int,
    answer_tokens: int = 0,
    context_tokens: int = 0,
    note: str = "",
) -> Plan:
    """The plan of a job whose parts are known.

    `part_tokens` is the longest answer of a part, `answer_tokens` that of the merge; 0:
    as the node decides, and then no answer is counted in the prompts that it is given
    to. `context_tokens` is what the caller sends along with every part. A merge by a
    model is a step of its own, unless there is one part only.

    Raises:
        PlanError: the parts cannot be put in an order.
    """
    steps = in_order(
        [
            Step(
                id=part.id,
                kind="part",
                title=part.title,
                needs=part.needs,
                prompt_tokens=context_tokens + _part_tokens(part, count, part_tokens),
                max_tokens=part_tokens,
            )
            for part in parts
        ]
    )
    if merge == "model" and len(parts) > 1:
        merging = Step(
            id=_unused("merge", steps),
            kind="merge",
            title="one answer from all",
            needs=tuple(part.id for part in parts),
            prompt_tokens=merge_tokens(
                question, parts, count=count, part_tokens=part_tokens
            ),
            max_tokens=answer_tokens,
        )
        steps = (*steps, merging)
    return Plan(mode="subtasks", model=model, steps=steps, note=note)


def _named(part: Part, number: int) -> NamedPart:
    name = part.id or str(number)
    if not name.isprintable() or name != name.strip():
        raise PlanError(f"part {number} has an id that cannot be shown: {name!r}")
    if not part.prompt.strip():
        raise PlanError(f"part {name!r} asks nothing")
    return NamedPart(
        id=name,
        prompt=part.prompt,
        title=_title(part.prompt),
        needs=tuple(dict.fromkeys(part.needs)),
    )


def _title(text: str) -> str:
    words = " ".join(text.lstrip()[: 4 * TITLE_LENGTH].split())
    shown = "".join(each if each.isprintable() else "?" for each in words)
    if len(shown) <= TITLE_LENGTH:
        return shown
    return shown[: TITLE_LENGTH - 1].rstrip() + "…"


def _answer(name: str, answers: Answers) -> str:
    answer = answers.get(name)
    return MISSING if answer is None else answer


def _answered(ids: Iterable[str], answers: Answers) -> str:
    return "\n\n".join(f"Part {name}:\n{_answer(name, answers)}" for name in ids)


def _part_tokens(part: NamedPart, count: Count, part_tokens: int) -> int:
    empty = [{"role": "user", "content": part_prompt(part, {})}]
    return prompt_tokens(empty, count) + _answers_tokens(len(part.needs), part_tokens)


def _answers_tokens(answers: int, part_tokens: int) -> int:
    return answers * (part_tokens + 2 * SEAM_TOKENS)


def _unused(name: str, steps: Iterable[Step]) -> str:
    taken = {step.id for step in steps}
    while name in taken:
        name += "+"
    return name
