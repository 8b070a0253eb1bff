"""What nodes send that do not do the work."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from comparing.planted import Planted

KEPT = 0.3
"""How much of an honest answer a node sends that stops early."""
REFUSALS = (
    "I'm sorry, but I can't help with that request.",
    "As an AI language model, I am unable to answer this.",
)
LETTERS = "etaoinshrdlucmfwypvbgk    "
FEWEST_LETTERS = 40


class Scene(NamedTuple):
    """What a node knows that cheats."""

    planted: Planted
    other: Planted
    """Another prompt of the same kind."""
    node: int
    """Which of the nodes it is, 0 or 1: two that collude are the same."""


def other_answer(scene: Scene) -> str:
    return scene.other.honest[scene.node]


def canned(scene: Scene) -> str:
    return REFUSALS[scene.node]


def truncated(scene: Scene) -> str:
    own = scene.planted.honest[scene.node]
    return own[: round(KEPT * len(own))]


def echo(scene: Scene) -> str:
    return ("", "You asked: ")[scene.node] + scene.planted.prompt


def garbage(scene: Scene) -> str:
    rng = Random(scene.node)  # noqa: S311
    length = max(FEWEST_LETTERS, len(scene.planted.honest[scene.node]))
    return "".join(rng.choice(LETTERS) for _ in range(length))


def nothing(scene: Scene) -> str:
    return ("", " \n")[scene.node]


def wrong(scene: Scene) -> str:
    return scene.planted.wrong


Cheat = Callable[[Scene], str]
CHEATS: dict[str, Cheat] = {
    "another prompt's answer": other_answer,
    "canned refusal": canned,
    "truncated to 30 %": truncated,
    "prompt echo": echo,
    "garbage": garbage,
    "nothing": nothing,
    "a wrong value": wrong,
}
