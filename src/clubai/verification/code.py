"""A few lines of a program, and what they print."""

from __future__ import annotations

from random import Random
from typing import Final

from clubai.verification.draft import WORDS, Draft, Template


def _printed(rng: Random, lines: list[str], value: int) -> Draft:
    task = rng.choice(
        (
            "What does this Python program print?",
            "What is the output of the following Python code?",
            "Without running it: which number does this script print?",
        )
    )
    return Draft(
        task=task,
        passage="```python\n" + "\n".join(lines) + "\n```",
        expected=str(value),
        form="number",
        terse="Reply with the number that is printed.",
    )


def loop(rng: Random) -> Draft:
    """A counter in a loop."""
    name, start = rng.choice(WORDS), rng.randint(1, 400)
    step, times = rng.randint(2, 60), rng.randint(3, 9)
    lines = [
        f"{name} = {start}",
        f"for _ in range({times}):",
        f"    {name} += {step}",
        f"print({name})",
    ]
    return _printed(rng, lines, start + step * times)


def length(rng: Random) -> Draft:
    """The length of a list that was changed."""
    words = rng.sample(WORDS, rng.randint(3, 7))
    times = rng.randint(2, 30)
    lines = [f"items = {words!r}", f"items = items * {times}", "print(len(items))"]
    return _printed(rng, lines, len(words) * times)


def branch(rng: Random) -> Draft:
    """One of two numbers, by a comparison."""
    a, b, over = rng.randint(1, 90), rng.randint(1, 90), rng.randint(20, 160)
    high, low = rng.sample(range(200, 9999), 2)
    lines = [
        f"a, b = {a}, {b}",
        f"if a + b > {over}:",
        f"    print({high})",
        "else:",
        f"    print({low})",
    ]
    return _printed(rng, lines, high if a + b > over else low)


TEMPLATES: Final[dict[str, Template]] = {
    "code.loop": loop,
    "code.length": length,
    "code.branch": branch,
}
