"""Small changes to texts: capitals, order, initials."""

from __future__ import annotations

from random import Random
from typing import Final

from clubai.verification.draft import PEOPLE, WORDS, Draft, Template, invented


def capitals(rng: Random) -> Draft:
    """A few words in capital letters."""
    words = " ".join(rng.sample(WORDS, rng.randint(2, 5)))
    task = rng.choice(
        (
            f'Write "{words}" in capital letters.',
            f'Convert this heading to upper case: "{words}".',
            f'What does "{words}" look like in all caps?',
        )
    )
    return Draft(task=task, expected=words.upper(), form="exact")


def joined(rng: Random) -> Draft:
    """Words joined into one name, as of a file."""
    words = [*rng.sample(WORDS, rng.randint(2, 4)), str(rng.randint(2, 999))]
    mark, name = rng.choice((("-", "hyphens"), ("_", "underscores")))
    listed = " ".join(words)
    task = rng.choice(
        (
            f'Join the words of "{listed}" with {name} instead of spaces.',
            f'Replace the spaces in "{listed}" by {name}.',
            f'I need a file name: put {name} between the words of "{listed}".',
        )
    )
    return Draft(task=task, expected=mark.join(words), form="exact")


def ordered(rng: Random) -> Draft:
    """A list in alphabetical order."""
    pool = rng.choice((PEOPLE, WORDS))
    words = rng.sample(pool, rng.randint(3, 6))
    in_order = sorted(words)
    if words == in_order:
        words.reverse()
    listed = ", ".join(words)
    task = rng.choice(
        (
            f"Sort these alphabetically: {listed}.",
            f"Put this list in alphabetical order: {listed}.",
            f"Please alphabetise: {listed}.",
        )
    )
    return Draft(
        task=task,
        expected=", ".join(in_order),
        form="exact",
        terse="Reply with the list only, separated by commas.",
    )


def initials(rng: Random) -> Draft:
    """The first letters of a name."""
    words = [word.capitalize() for word in rng.sample(WORDS, rng.randint(3, 5))]
    name = " ".join(words)
    task = rng.choice(
        (
            f'What is the acronym of "{name}"?',
            f'Make an acronym from the first letters of "{name}".',
            f'Our society is called "{name}". What are its initials, without dots?',
        )
    )
    return Draft(task=task, expected="".join(word[0] for word in words), form="exact")


def repeated(rng: Random) -> Draft:
    """A code said again as it is, between two marks."""
    code = f"{invented(rng, 2).upper()}{rng.randint(100, 9999)}"
    mark = rng.choice(("[]", "()", "<>", "{}"))
    shown = f"{mark[0]}{code}{mark[1]}"
    task = rng.choice(
        (
            f"Put the code {code} between {mark[0]} and {mark[1]}, without spaces.",
            f"Write {code} with {mark[0]} in front of it and {mark[1]} behind it.",
        )
    )
    return Draft(task=task, expected=shown, form="exact")


TEMPLATES: Final[dict[str, Template]] = {
    "strings.capitals": capitals,
    "strings.joined": joined,
    "strings.ordered": ordered,
    "strings.initials": initials,
    "strings.repeated": repeated,
}
