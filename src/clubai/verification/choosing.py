"""A choice between options, of which one is right."""

from __future__ import annotations

from random import Random
from typing import Final

from clubai.verification.draft import PEOPLE, TOWNS, Draft, Template

KINDS: Final = {
    "an animal": "badger camel donkey goat hedgehog otter squirrel tiger wolf zebra",
    "a fruit": "apricot banana cherry grape mango melon peach pear plum raspberry",
    "a tool": "chisel hammer pliers screwdriver shovel spanner saw wrench rake drill",
    "a piece of clothing": "coat glove jacket scarf shirt skirt sock sweater vest hat",
    "a musical instrument": "cello drum flute guitar harp organ piano trumpet violin",
}


def _offered(rng: Random, options: list[str]) -> str:
    form = rng.choice(("letters", "list", "line"))
    if form == "letters":
        return "\n".join(
            f"{letter}) {option}"
            for letter, option in zip("ABCDEFGH", options, strict=False)
        )
    if form == "list":
        return "\n".join(f"- {option}" for option in options)
    return "Options: " + ", ".join(options) + "."


def kind(rng: Random) -> Draft:
    """Which word is of a kind."""
    names = rng.sample(list(KINDS), 2)
    (right,) = rng.sample(KINDS[names[0]].split(), 1)
    options = [right, *rng.sample(KINDS[names[1]].split(), rng.randint(3, 5))]
    rng.shuffle(options)
    task = rng.choice(
        (
            f"Which of these is {names[0]}?",
            f"Only one of the following is {names[0]}. Which one?",
        )
    )
    return _choice(task, rng, options, right)


def odd(rng: Random) -> Draft:
    """Which word is not of the kind of all others."""
    names = rng.sample(list(KINDS), 2)
    (right,) = rng.sample(KINDS[names[0]].split(), 1)
    options = [right, *rng.sample(KINDS[names[1]].split(), rng.randint(3, 5))]
    rng.shuffle(options)
    task = rng.choice(
        (
            f"Which of these is not {names[1]}?",
            f"Each of these but one is {names[1]}. Which one does not fit?",
        )
    )
    return _choice(task, rng, options, right)


def most(rng: Random) -> Draft:
    """Who has the most, or the least, of something."""
    pool = rng.choice((PEOPLE, TOWNS))
    names = rng.sample(pool, rng.randint(3, 5))
    amounts = rng.sample(range(12, 980), len(names))
    unit = rng.choice(("points", "visitors", "kilograms", "parcels"))
    lines = [
        f"{name}: {amount} {unit}" for name, amount in zip(names, amounts, strict=True)
    ]
    highest = rng.random() < 0.5
    wanted = max(amounts) if highest else min(amounts)
    word = "highest" if highest else "lowest"
    return Draft(
        task=f"Which name has the {word} number of {unit}?",
        passage="\n".join(lines),
        expected=names[amounts.index(wanted)],
        form="choice",
        choices=tuple(sorted(names)),
    )


def _choice(task: str, rng: Random, options: list[str], right: str) -> Draft:
    return Draft(
        task=f"{task}\n{_offered(rng, options)}",
        expected=right,
        form="choice",
        choices=tuple(sorted(options)),
        terse=rng.choice(("Reply with the word.", "Answer with the word itself.")),
    )


TEMPLATES: Final[dict[str, Template]] = {
    "choosing.kind": kind,
    "choosing.odd": odd,
    "choosing.most": most,
}
