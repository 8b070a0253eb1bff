"""How a job is to be divided: every option of the four modes, checked.

The same struct is what `Client.ask(mode=...)`, the `clubai` object of a request and the
command line end in, so that they are the same everywhere.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from clubai.errors import ConfigError
from clubai.model import Mode, Value

Merge = Literal["none", "concat", "model"]
"""The parts come back as they are, one after the other, or written into one answer."""
Purpose = Literal["answer", "summarise"]
"""What *context* does with a document: answer a question about it, or sum it up."""
Compare = Literal["auto", "exact", "json", "number", "choice", "text"]

MOST_PARTS: Final = 1000
MOST_REPLICAS: Final = 16
MOST_DOCUMENT_CHARACTERS: Final = 16 << 20
DEFAULT_PARTS: Final = 64
LEAST_CHUNK_TOKENS: Final = 32
TOOLS: Final = ("tools", "functions")
"""Fields of a chat request that no divided job may have: nobody could answer a call."""

_KEY: Final = re.compile(r"\w+")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(\w*)`")
_SHOWN: Final = 60

Count = Annotated[int, Meta(ge=0, le=1 << 31)]


class Part(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One part of a job that the caller divided."""

    prompt: Annotated[str, Meta(min_length=1)]
    id: Annotated[str, Meta(max_length=64)] = ""
    """By which other parts name it; empty: its number, from 1."""
    needs: tuple[str, ...] = ()
    """Ids of parts whose answers it is given."""


class Document(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A document that a job is about."""

    text: str
    name: Annotated[str, Meta(max_length=256)] = ""
    kind: Literal["auto", "text", "markdown", "code"] = "auto"


class Dividing(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one job is divided. Fields of other modes than its own are not looked at."""

    mode: Mode = "single"

    # subtasks
    parts: Annotated[tuple[Part, ...], Meta(max_length=MOST_PARTS)] = ()
    """Given by the caller; empty: found in the prompt, or planned by a model."""
    merge: Merge = "model"

    # consensus
    replicas: Annotated[int, Meta(ge=2, le=MOST_REPLICAS)] = 3
    """Nodes of different owners: two are asked first, and the others, one by one,
    only while they disagree."""
    most_replicas: Annotated[int, Meta(ge=0, le=MOST_REPLICAS)] = 0
    """Nodes that are asked at most when they go on disagreeing; 0: `replicas`."""
    mixed: bool = False
    """Nodes of any quantisation may be asked; else those of the one that most have."""
    compare: Compare = "auto"
    """How answers are compared; `auto`: chosen by the request."""
    tolerance: Annotated[float, Meta(ge=0)] = 0.0
    """Numbers that differ by no more than this share of the larger one say the same; 0:
    by a thousandth."""

    # context
    documents: tuple[Document, ...] = ()
    """Empty: the longest message is the document."""
    purpose: Purpose = "answer"
    map_prompt: str = ""
    reduce_prompt: str = ""
    """In place of those built in. `{question}`, `{chunk}` and `{heading}` stand for
    what they say, in `reduce_prompt` `{question}` and `{answers}`."""
    chunk_tokens: Count = 0
    """Of one chunk at most; 0: as many as fit the nodes' context."""
    overlap_tokens: Count = 0
    part_tokens: Count = 0
    """The longest answer of one part; 0: chosen by the context."""
    cite: bool = False

    # ceilings
    max_parts: Annotated[int, Meta(ge=1, le=MOST_PARTS)] = DEFAULT_PARTS
    """Requests to nodes, retries not counted. A job that needs more is refused."""
    budget_tokens: Count = 0
    """Tokens of all answers of nodes together; 0: no ceiling."""

    @property
    def replicas_at_most(self) -> int:
        """How many nodes *consensus* asks when they go on disagreeing."""
        return self.most_replicas or self.replicas


def read_dividing(value: object) -> Dividing:
    """Check options that came from outside, as plain values.

    Raises:
        ConfigError: a field is not known, or its value cannot be used.
    """
    try:
        dividing = msgspec.convert(value, Dividing)
    except msgspec.ValidationError as error:
        raise _located(value, str(error)) from error
    check(dividing)
    return dividing


def _located(value: object, message: str) -> ConfigError:
    """Name the field of an error, and its value if that is short and plain."""
    fix, _, path = message.partition(" - at `$")
    unknown = _UNKNOWN.match(fix)
    if unknown is not None:
        path = f"{path.rstrip('`')}.{unknown[1]}"
        fix = "there is no such option"
    keys = _KEY.findall(path)
    for key in keys:
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list | tuple) and key.isdigit():
            value = value[int(key)]
    plain = isinstance(value, str | int | float | None) and len(str(value)) <= _SHOWN
    shown = value if plain else type(value).__name__
    return ConfigError(path.strip("`.") or "clubai", shown, fix)


def check(dividing: Dividing) -> None:
    """Check what no type says. Raises `ConfigError`."""
    if dividing.most_replicas and dividing.most_replicas < dividing.replicas:
        raise ConfigError(
            "most_replicas", dividing.most_replicas, "it may not be below `replicas`"
        )
    size = sum(len(document.text) for document in dividing.documents)
    if size > MOST_DOCUMENT_CHARACTERS:
        raise ConfigError(
            "documents", f"{size} characters", f"at most {MOST_DOCUMENT_CHARACTERS}"
        )
    if dividing.chunk_tokens and dividing.overlap_tokens >= dividing.chunk_tokens:
        raise ConfigError(
            "overlap_tokens", dividing.overlap_tokens, "less than `chunk_tokens`"
        )
