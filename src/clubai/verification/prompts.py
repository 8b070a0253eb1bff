"""Open prompts without a known answer, as members ask them: for answer keys."""

from __future__ import annotations

from random import Random
from typing import Any, Final

from clubai.model import Value
from clubai.verification.draft import PEOPLE, THINGS, TOWNS, listed
from clubai.verification.question import Message, chat_request, prompt_text
from clubai.verification.wording import CLOSINGS, OPENINGS, SYSTEM, messages

MAX_TOKENS: Final = (200, 256, 300, 384, 400, 512)
SUBJECTS: Final = listed(
    "bicycle brakes|a vegetable garden|composting|frost on windows|house plants|"
    "learning to swim|making bread|noise in an office|packing for a hike|"
    "paper recycling|rain gauges|reading maps|repairing a chair|saving electricity|"
    "sharing a kitchen|sleeping better|solar panels|tides|train timetables|"
    "volunteering|washing wool|a first aid box|a small library|a street festival|"
    "bees in a city|borrowing tools|cleaning a keyboard|cooking for twenty people|"
    "keeping bread fresh|learning to type",
    "|",
)
PURPOSES: Final = listed(
    "a newsletter|a notice board|a class of twelve-year-olds|a beginner|"
    "new colleagues|my grandmother|a short talk|the club's web page|a leaflet|"
    "visitors from abroad",
    "|",
)
ASKS: Final = (
    "Explain {subject} to {purpose}",
    "Write a short text about {subject} for {purpose}",
    "Give some tips on {subject} for {purpose}",
    "What should one know about {subject}? It is for {purpose}",
    "Describe {subject} so that it suits {purpose}",
    "Summarise what matters about {subject} for {purpose}",
    "Draft an email from {who} to {other} on {subject} and {count} {things} in {town}",
    "Write a few lines: {who} tells {other} why {count} {things} must go to {town}",
    "Make up a short scene: {who} and {other} discuss {subject} in {town}",
    "{who} wants to sell {count} {things} in {town}. Suggest how to go about it",
    "Compare two ways to deal with {subject}; {who} in {town} has to decide",
    "List questions that {who} could ask {other} about {subject} in {town}",
)
LENGTHS: Final = (
    "two sentences",
    "three sentences",
    "two or three sentences",
    "at most three sentences",
    "about forty words",
    "no more than fifty words",
)


class OpenPrompt(Value, frozen=True, kw_only=True):
    """A request whose answer is compared with others' at temperature 0."""

    messages: tuple[Message, ...]
    max_tokens: int
    seed: int

    @property
    def text(self) -> str:
        """All of its messages, for whoever reviews it."""
        return prompt_text(self.messages)

    def body(self) -> dict[str, Any]:
        """The OpenAI chat request."""
        return chat_request(self.messages, self.max_tokens, 0.0, seed=self.seed)


def make_prompt(rng: Random) -> OpenPrompt:
    """An open prompt whose whole answer is short."""
    who, other = rng.sample(PEOPLE, 2)
    drawn = {
        "who": who,
        "other": other,
        "subject": rng.choice(SUBJECTS),
        "purpose": rng.choice(PURPOSES),
        "things": rng.choice(THINGS),
        "town": rng.choice(TOWNS),
        "count": str(rng.randint(3, 4000)),
    }
    ask = rng.choice(ASKS).format(**drawn)
    opening = rng.choice(OPENINGS).format(who=rng.choice(PEOPLE))
    length, closing = rng.choice(LENGTHS), rng.choice(CLOSINGS)
    form = rng.choice(
        ("{ask}, in {length}.", "{ask}. Use {length}.", "In {length}: {ask}.")
    )
    text = opening + form.format(ask=ask, length=length) + closing
    return OpenPrompt(
        messages=messages(rng.choice(SYSTEM), text),
        max_tokens=rng.choice(MAX_TOKENS),
        seed=rng.getrandbits(31),
    )
