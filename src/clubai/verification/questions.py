"""Questions with known answers: made and never listed, so that none is known before."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

from clubai.verification import arithmetic, choosing, code, lookup, strings
from clubai.verification.draft import Template
from clubai.verification.question import Question
from clubai.verification.wording import MAX_TOKENS, TEMPERATURES, words_of

TEMPLATES: Final[dict[str, Template]] = {
    **arithmetic.TEMPLATES,
    **strings.TEMPLATES,
    **lookup.TEMPLATES,
    **choosing.TEMPLATES,
    **code.TEMPLATES,
}


def make_question(rng: Random, templates: Sequence[str] = tuple(TEMPLATES)) -> Question:
    """A question by one of `templates`, worded as somebody would.

    Whoever gives the question back has not answered it: one whose own words would pass
    is drawn again.

    Raises:
        KeyError: there is no such template.
        IndexError: `templates` is empty.
    """
    name = rng.choice(templates)
    while True:
        question = _drawn(rng, name)
        if not is_echoed(question):
            return question


def is_echoed(question: Question) -> bool:
    """Whether the question's own words would pass as the answer to it."""
    texts = [each.content for each in question.messages]
    return any(map(question.judge, [*texts, "\n".join(texts)]))


def _drawn(rng: Random, name: str) -> Question:
    draft = TEMPLATES[name](rng)
    return Question(
        id=f"{rng.getrandbits(64):016x}",
        template=name,
        messages=words_of(rng, draft),
        max_tokens=rng.choice(MAX_TOKENS),
        temperature=rng.choice(TEMPERATURES),
        expected=draft.expected,
        form=draft.form,
        choices=draft.choices,
    )
