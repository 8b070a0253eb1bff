"""Sums that come up at work, with numbers drawn anew."""

from __future__ import annotations

from random import Random
from typing import Final

from clubai.verification.draft import PEOPLE, THINGS, Draft, Template


def _number(task: str, value: int) -> Draft:
    return Draft(task=task, expected=str(value), form="number")


def total(rng: Random) -> Draft:
    """Two or three amounts added."""
    amounts = [rng.randint(11, 4999) for _ in range(rng.choice((2, 2, 3)))]
    plus = " + ".join(map(str, amounts))
    listed = ", ".join(map(str, amounts[:-1])) + f" and {amounts[-1]}"
    task = rng.choice(
        (
            f"What is {plus}?",
            f"Add up {listed}.",
            f"My three-line invoice lists {listed}. What is the sum?"
            if len(amounts) == 3
            else f"My invoice lists {listed}. What is the sum?",
            f"Compute {plus}.",
            f"I spent {listed} this week. How much is that in total?",
        )
    )
    return _number(task, sum(amounts))


def difference(rng: Random) -> Draft:
    """What is left of an amount."""
    whole = rng.randint(200, 9000)
    part = rng.randint(15, whole - 20)
    who, thing = rng.choice(PEOPLE), rng.choice(THINGS)
    task = rng.choice(
        (
            f"What is {whole} minus {part}?",
            f"{who} had {whole} {thing} and gave {part} away. How many are left?",
            f"Our stock was {whole} {thing}; {part} were sold. How many remain?",
            f"Subtract {part} from {whole}.",
        )
    )
    return _number(task, whole - part)


def product(rng: Random) -> Draft:
    """So many boxes with so many things in each."""
    boxes, each = rng.randint(3, 48), rng.randint(6, 99)
    who, thing = rng.choice(PEOPLE), rng.choice(THINGS)
    task = rng.choice(
        (
            f"What is {boxes} times {each}?",
            f"There are {boxes} boxes with {each} {thing} in each. How many is that?",
            f"{who} orders {boxes} packs of {thing}, {each} a pack. How many are they?",
            f"Multiply {boxes} by {each}.",
        )
    )
    return _number(task, boxes * each)


def change(rng: Random) -> Draft:
    """Several things bought, and what comes back of the money."""
    count, price = rng.randint(2, 9), rng.randint(3, 38)
    paid = count * price + rng.randint(1, 160)
    who, thing = rng.choice(PEOPLE), rng.choice(THINGS)
    story, asks = rng.choice(
        (
            (
                f"{who} buys {count} {thing} for {price} euros each and pays {paid}.",
                "How many euros does the cashier give back?",
            ),
            (
                f"I had {paid} dollars and bought {count} {thing} for {price} each.",
                "How many dollars do I have left?",
            ),
        )
    )
    return _number(f"{story} {asks}", paid - count * price)


def minutes(rng: Random) -> Draft:
    """Hours and minutes as minutes."""
    hours, rest = rng.randint(2, 47), rng.randint(1, 59)
    who = rng.choice(PEOPLE)
    task = rng.choice(
        (
            f"How many minutes are {hours} hours and {rest} minutes?",
            f"{who}'s trip took {hours} hours and {rest} minutes. How many minutes?",
            f"Convert {hours} h {rest} min to minutes.",
        )
    )
    return _number(task, hours * 60 + rest)


TEMPLATES: Final[dict[str, Template]] = {
    "arithmetic.total": total,
    "arithmetic.difference": difference,
    "arithmetic.product": product,
    "arithmetic.change": change,
    "arithmetic.minutes": minutes,
}
