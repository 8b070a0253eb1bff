"""Parts that a model plans: what it is asked, and what is made of its answer.

The answer of a model is not trusted: a plan that does not fit the schema, cannot run or
has more parts than may be is refused with a reason, which the one repair try tells the
model. When that is of no use either, or the plan has one part only, the job is asked as
it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from clubai.dividing.options import Part
from clubai.dividing.subtasks import (
    Count,
    Messages,
    NamedPart,
    given,
    prompt_tokens,
)
from clubai.errors import PlanError
from clubai.model import Value

MOST_PROMPT_CHARACTERS: Final = 8192
"""Of one planned part: a model that writes more is lost."""
MOST_ANSWER_CHARACTERS: Final = 1 << 20
SHOWN_CHARACTERS: Final = 2000
"""Of an answer that was of no use, in the request to repair it."""
REASON_CHARACTERS: Final = 300

REASONING_ENDS: Final = ("</think>", "</thinking>", "</thought>", "</reasoning>")

SHAPE: Final = (
    '{"parts": [{"id": "1", "prompt": "...", "needs": []}, '
    '{"id": "2", "prompt": "...", "needs": ["1"]}]}'
)
SYSTEM: Final = """\
Divide a question into parts that can be answered on their own, at most {most}. \
Answer with JSON:
{shape}
prompt: the question of the part, with all that is needed to answer it. \
Whoever answers it sees nothing else.
needs: the ids of parts whose answers it needs; empty where possible.
If the question cannot be divided, give one part."""
REPAIR: Final = """\
That plan cannot be used: {reason}.
Answer with corrected JSON only, at most {most} parts:
{shape}"""

_Id = Annotated[str, Meta(max_length=64)] | Annotated[int, Meta(ge=0, lt=1 << 31)]


class _PlannedPart(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    prompt: str
    id: _Id = ""
    needs: tuple[_Id, ...] = ()


class _Planned(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    parts: tuple[_PlannedPart, ...]


def planner_messages(question: str, *, most: int) -> Messages:
    """Ask a model to divide `question` into at most `most` parts."""
    return [
        {"role": "system", "content": SYSTEM.format(most=most, shape=SHAPE)},
        {"role": "user", "content": question},
    ]


def plan_format(most: int) -> dict[str, Any]:
    """The `response_format` of a request for a plan of at most `most` parts.

    Ids are short numbers, so that a small model cannot lose itself in one. Prompts have
    no length: servers turn one into a grammar that is too large for them.
    """
    number = {"type": "string", "pattern": "^[0-9]{1,4}$"}
    part = _object(
        id=number,
        prompt={"type": "string"},
        needs={"type": "array", "items": number, "maxItems": max(0, most - 1)},
    )
    parts = {"type": "array", "items": part, "minItems": 1, "maxItems": most}
    return {
        "type": "json_schema",
        "json_schema": {"name": "plan", "strict": True, "schema": _object(parts=parts)},
    }


def planner_tokens(question: str, *, most: int, count: Count) -> int:
    """Tokens that the request for a plan has at most."""
    return prompt_tokens(planner_messages(question, most=most), count)


def repair_messages(question: str, answer: str, reason: str, *, most: int) -> Messages:
    """Ask for the plan again, after an `answer` that `read_plan` refused for `reason`.

    However long that answer was, this adds no more than a few thousand characters.
    """
    bad = _cut(answer.strip(), SHOWN_CHARACTERS) or "(nothing)"
    why = _cut(reason, REASON_CHARACTERS)
    again = REPAIR.format(reason=why, most=most, shape=SHAPE)
    return [
        *planner_messages(question, most=most),
        {"role": "assistant", "content": bad},
        {"role": "user", "content": again},
    ]


def read_plan(text: str, *, most: int) -> tuple[NamedPart, ...]:
    """Read the plan in a model's answer, whatever stands around its JSON.

    Raises:
        PlanError: there is none, or it cannot be used; the reason is one sentence.
    """
    planned = _convert(_decode(text))
    if len(planned.parts) > most:
        raise PlanError(
            f"the plan has {len(planned.parts)} parts, at most {most} can be"
        )
    parts = given(
        [
            Part(
                id=str(part.id).strip(),
                prompt=part.prompt.strip(),
                needs=tuple(str(need).strip() for need in part.needs),
            )
            for part in planned.parts
        ]
    )
    _check_prompts(parts)
    return parts


def worth_dividing(parts: Sequence[NamedPart]) -> bool:
    """False when a plan is the whole job over again: it is then asked as it is."""
    return len(parts) > 1


def _decode(text: str) -> object:
    """The JSON in `text`: all of it behind reasoning, or from the first brace on."""
    if len(text) > MOST_ANSWER_CHARACTERS:
        raise PlanError(f"the plan is longer than {MOST_ANSWER_CHARACTERS} characters")
    for end in REASONING_ENDS:
        text = text.rpartition(end)[2]
    first, last = text.find("{"), text.rfind("}")
    if first < 0:
        raise PlanError("there is no JSON object in the answer")
    try:
        return msgspec.json.decode(text[first : last + 1])
    except RecursionError:
        raise PlanError("the plan is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise PlanError(f"the plan is not JSON: {_sentence(error)}") from error


def _convert(value: object) -> _Planned:
    try:
        return msgspec.convert(value, _Planned)
    except msgspec.ValidationError as error:
        raise PlanError(f"the plan has another form: {_sentence(error)}") from error


def _check_prompts(parts: Sequence[NamedPart]) -> None:
    asked: dict[str, str] = {}
    for part in parts:
        if len(part.prompt) > MOST_PROMPT_CHARACTERS:
            raise PlanError(
                f"the prompt of part {part.id!r} is longer than "
                f"{MOST_PROMPT_CHARACTERS} characters"
            )
        if not any(map(str.isalnum, part.prompt)):
            raise PlanError(f"the prompt of part {part.id!r} asks nothing")
        twin = asked.setdefault(part.prompt, part.id)
        if twin != part.id:
            raise PlanError(f"parts {twin!r} and {part.id!r} ask the same")


def _object(**properties: object) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _sentence(error: Exception) -> str:
    return _cut(" ".join(str(error).split()), REASON_CHARACTERS)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
