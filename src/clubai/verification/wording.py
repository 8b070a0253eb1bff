"""How somebody puts a question: with or without manners, a reason, a system prompt.

What is drawn here is what members set, in the ranges in which they set it, so that a
check is not known by its form.
"""

from __future__ import annotations

from random import Random
from typing import Final

from clubai.verification.draft import PEOPLE, Draft
from clubai.verification.question import Form, Message

SYSTEM: Final = (
    "",
    "",
    "",
    "You are a helpful assistant.",
    "You are a helpful, concise assistant.",
    "Answer briefly and correctly.",
    "You help with everyday office work.",
    "You are an assistant in a chat window. Keep replies short.",
    "Be precise. If unsure, say so.",
    "You are a careful assistant for small tasks.",
)
OPENINGS: Final = (
    "",
    "",
    "",
    "Hi! ",
    "Hello, ",
    "Hey, quick question: ",
    "Quick one. ",
    "Could you help me? ",
    "Please help me with this. ",
    "I need a hand with something. ",
    "{who} asked me this: ",
    "For a note to {who}: ",
)
CLOSINGS: Final = (
    "",
    "",
    "",
    " Thanks!",
    " Thank you.",
    " Thanks in advance.",
    " Cheers.",
)
TERSE: Final[dict[Form, tuple[str, ...]]] = {
    "number": (
        "Reply with the number only.",
        "Just the number, please.",
        "Give only the final number.",
        "Answer with a single number.",
    ),
    "choice": (
        "Reply with the name only.",
        "Just give me the answer, no explanation.",
        "Answer with that alone.",
    ),
    "exact": (
        "Reply with the result only.",
        "Just the result, no explanation.",
        "Give me only the result.",
    ),
}
PASSAGES: Final = ("{task}\n\n{text}", "{text}\n\n{task}", "Text:\n{text}\n\n{task}")
MAX_TOKENS: Final = (64, 100, 128, 150, 200, 256, 300, 400, 500, 512)
TEMPERATURES: Final = (None, None, 0.0, 0.0, 0.1, 0.2, 0.3, 0.5, 0.7)


def words_of(rng: Random, draft: Draft) -> tuple[Message, ...]:
    """The draft as the messages of somebody."""
    opening = rng.choice(OPENINGS).format(who=rng.choice(PEOPLE))
    terse = draft.terse or rng.choice(TERSE[draft.form])
    closing = rng.choice(CLOSINGS)
    between = "\n\n" if "\n" in draft.task else " "
    task = f"{opening}{draft.task}{between}{terse}{closing}"
    if draft.passage:
        task = rng.choice(PASSAGES).format(task=task, text=draft.passage)
    return messages(rng.choice(SYSTEM), task)


def messages(system: str, text: str) -> tuple[Message, ...]:
    """A chat of one question, after a system prompt or none."""
    asked = Message(role="user", content=text)
    return (Message(role="system", content=system), asked) if system else (asked,)
