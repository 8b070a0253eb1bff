"""Answer keys: what honest nodes answer to an open prompt at temperature 0.

A key is for one model and one quantisation. Its references come from nodes that an
operator trusts, or, where there are none, from nodes of two other owners that agree.
An answer that is as little like every reference as an answer to something else is one
that the model did not give; so is one that repeats the request. Of an answer that was
cut off, or ended in another way, only the beginning is compared, and that it begins
alike says nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from clubai.comparing import THRESHOLD, normalise, similarity
from clubai.comparing.echoes import ECHO
from clubai.model import NodeId, Value
from clubai.verification.beginnings import another
from clubai.verification.prompts import OpenPrompt

NEAR: Final = 0.90
"""How alike two texts are that differ in a word or two."""
AGREED: Final = 0.50
"""How alike the texts of two owners must be: what another quantiser leaves alike, and
what no two answers to different prompts reach."""
MOST_USES: Final = 20
MOST_KEYS: Final = 1_000
FEWEST: Final = 2
"""References of a key."""
ENDED: Final = "stop"
"""The finish reason of an answer that came to its own end."""

Source = Literal["trusted", "owners"]
"""Whose the references are: of trusted nodes, or of nodes of two other owners."""
Outcome = Literal["exact", "near", "alike", "another answer", "not comparable"]


class Reference(Value, frozen=True, kw_only=True):
    """What one node answered."""

    node: NodeId
    owner: str
    text: str
    finish_reason: str


class AnswerKey(Value, frozen=True, kw_only=True):
    """A prompt with the answers that are taken to be right."""

    id: str
    model: str
    quantization: str
    prompt: OpenPrompt
    references: tuple[Reference, ...]
    source: Source


class Compared(NamedTuple):
    """What the comparison of an answer with a key says."""

    outcome: Outcome
    similarity: float
    """To the reference that it is most alike to."""

    @property
    def passed(self) -> bool | None:
        """None: it says nothing."""
        if self.outcome == "not comparable":
            return None
        return self.outcome != "another answer"


def can_be_key(references: Sequence[Reference], source: Source) -> bool:
    """Whether these answers can stand as a key.

    All of them came to their own end and are alike. Those of nodes that nobody vouches
    for come from two owners, and are nearly the same.
    """
    if len(references) < FEWEST:
        return False
    if any(each.finish_reason != ENDED for each in references):
        return False
    if source == "owners" and len({each.owner for each in references}) < FEWEST:
        return False
    least = THRESHOLD if source == "trusted" else AGREED
    first, *others = references
    return bool(normalise(first.text)) and all(
        similarity(first.text, other.text) >= least for other in others
    )


def compare(key: AnswerKey, text: str, finish_reason: str) -> Compared:
    """How an answer stands to a key."""
    if any(each.finish_reason != ENDED for each in key.references):
        return Compared("not comparable", 0.0)
    if finish_reason != ENDED:
        return _begun(key, text)
    said = normalise(text)
    if any(normalise(each.text) == said for each in key.references):
        return Compared("exact", 1.0)
    alike = max(similarity(each.text, text) for each in key.references)
    if alike >= NEAR:
        return Compared("near", alike)
    if similarity(key.prompt.messages[-1].content, text) >= ECHO:
        return Compared("another answer", alike)
    return Compared("alike" if alike >= THRESHOLD else "another answer", alike)


def _begun(key: AnswerKey, text: str) -> Compared:
    references = [each.text for each in key.references]
    alike = another(text, references, key.prompt.messages[-1].content)
    if alike is None:
        return Compared("not comparable", 0.0)
    return Compared("another answer", alike)


class AnswerKeys:
    """The keys that there are; each is used a few times, and once for each owner.

    An owner who has seen a prompt at one of their nodes knows its answer.
    """

    def __init__(self, most: int = MOST_KEYS) -> None:
        self._most = most
        self._keys: OrderedDict[str, AnswerKey] = OrderedDict()
        self._seen: dict[str, set[str]] = {}
        """By key: the owners whose nodes were asked, the references' included."""
        self._uses: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, key: AnswerKey) -> None:
        """Keep a key; the oldest makes room for it."""
        self._keys[key.id] = key
        self._seen[key.id] = {each.owner for each in key.references}
        self._uses[key.id] = 0
        while len(self._keys) > self._most:
            self._drop(next(iter(self._keys)))

    def pick(self, model: str, quantization: str, owner: str) -> AnswerKey | None:
        """The oldest key that a node of `owner` may be asked; None: make one.

        It counts as used from now on, whatever comes of it.
        """
        for key in self._keys.values():
            fits = (key.model, key.quantization) == (model, quantization)
            if fits and owner not in self._seen[key.id]:
                self._use(key.id, owner)
                return key
        return None

    def _use(self, key: str, owner: str) -> None:
        self._seen[key].add(owner)
        self._uses[key] += 1
        if self._uses[key] >= MOST_USES:
            self._drop(key)

    def _drop(self, key: str) -> None:
        del self._keys[key], self._seen[key], self._uses[key]
