"""A needle in a text: one of many alike facts, each drawn anew."""

from __future__ import annotations

import json
from random import Random
from typing import Final

from clubai.verification.draft import (
    PEOPLE,
    THINGS,
    TOWNS,
    WORDS,
    Draft,
    Template,
    invented,
    listed,
)

COLOURS: Final = listed(
    "black blue brown green grey orange pink purple red silver white yellow"
)


def code(rng: Random) -> Draft:
    """The code of one of several cabinets."""
    count = rng.randint(4, 12)
    cabinets = rng.sample(
        [f"{a} {b}" for a in COLOURS for b in ("box", "locker")], count
    )
    codes = rng.sample(range(1000, 100_000), count)
    form = rng.choice(
        (
            "The code of the {} is {}.",
            "To open the {} you need {}.",
            "{}: {}.",
        )
    )
    lines = [form.format(*pair) for pair in zip(cabinets, codes, strict=True)]
    which = rng.randrange(count)
    task = rng.choice(
        (
            f"What is the code of the {cabinets[which]}?",
            f"Which code opens the {cabinets[which]}?",
        )
    )
    return Draft(
        task=task,
        passage=rng.choice(("\n", " ")).join(lines),
        expected=str(codes[which]),
        form="number",
    )


def place(rng: Random) -> Draft:
    """Where one of several people moved."""
    count = rng.randint(4, 9)
    people, towns = rng.sample(PEOPLE, count), rng.sample(TOWNS, count)
    verb = rng.choice(("moved to", "now works in", "was sent to", "opened a shop in"))
    lines = []
    for who, town in zip(people, towns, strict=True):
        lines.append(f"{who} {verb} {town}.")
        if rng.random() < 0.5:
            year, thing = rng.randint(1990, 2024), rng.choice(THINGS)
            lines.append(f"Since {year} the firm there has been selling {thing}.")
    which = rng.randrange(count)
    task = rng.choice(
        (
            f"Which town is named for {people[which]}?",
            f"According to the text, which town goes with {people[which]}?",
        )
    )
    return Draft(
        task=task,
        passage=" ".join(lines),
        expected=towns[which],
        form="choice",
        choices=tuple(sorted(towns)),
    )


def field(rng: Random) -> Draft:
    """A field of a record."""
    names = rng.sample(WORDS, rng.randint(4, 9))
    values = [f"{invented(rng, 3)}{rng.randint(10, 99)}" for _ in names]
    record = dict(zip(names, values, strict=True))
    which = rng.choice(names)
    task = rng.choice(
        (
            f'What is the value of "{which}" in this record?',
            f'Read the field "{which}" from the JSON.',
        )
    )
    indent = rng.choice((None, 2))
    return Draft(
        task=task,
        passage=json.dumps(record, indent=indent),
        expected=record[which],
        form="choice",
        choices=tuple(sorted(values)),
        terse="Reply with the value only.",
    )


def password(rng: Random) -> Draft:
    """One odd fact in plain prose."""
    needle = f"{invented(rng, 3)}{rng.randint(10, 999)}"
    decoy = f"{invented(rng, 3)}{rng.randint(10, 999)}"
    prose = [
        f"{rng.choice(PEOPLE)} brought {rng.randint(2, 90)} {rng.choice(THINGS)} to "
        f"{rng.choice(TOWNS)}."
        for _ in range(rng.randint(4, 16))
    ]
    prose.insert(rng.randrange(len(prose) + 1), f"The word for the door is {needle}.")
    prose.insert(rng.randrange(len(prose) + 1), f"The boat is called {decoy}.")
    task = rng.choice(
        (
            "What is the word for the door?",
            "Which word has to be said at the door?",
        )
    )
    return Draft(
        task=task,
        passage=" ".join(prose),
        expected=needle,
        form="choice",
        choices=tuple(sorted((needle, decoy))),
        terse="Reply with that word only.",
    )


TEMPLATES: Final[dict[str, Template]] = {
    "lookup.code": code,
    "lookup.place": place,
    "lookup.field": field,
    "lookup.password": password,
}
