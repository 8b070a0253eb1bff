"""Which nodes a check can ask: the one that is checked, and those to compare with."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from random import Random
from typing import Final, Literal, NamedTuple

from clubai.client.modes.nodes import Offering, offering
from clubai.errors import TaskRejected
from clubai.model import NodeId, NodeSnapshot

NEEDED: Final = 2
"""Nodes that an answer is compared with."""


class Referees(NamedTuple):
    """Nodes whose answers another one's is compared with."""

    nodes: tuple[Offering, ...]
    source: Literal["trusted", "owners"]


def offers(nodes: Iterable[NodeSnapshot], model: str) -> tuple[Offering, ...]:
    """The nodes that offer a model now, in no telling order; none: empty."""
    try:
        return offering(nodes, model)
    except TaskRejected:
        return ()


def named(nodes: Sequence[Offering], node: NodeId) -> Offering | None:
    """The node of this id; None: it is not here."""
    return next((each for each in nodes if each.node == node), None)


def referees(
    nodes: Sequence[Offering],
    audited: Offering,
    rng: Random,
    *,
    trusted: Container[NodeId],
    doubted: Container[NodeId],
    same_quantization: bool = True,
) -> Referees | None:
    """Two nodes to compare `audited` with; None: there are not enough.

    Trusted ones, or one each of two other owners. None of them is of the owner of the
    audited one, or is `doubted`. Those of its quantisation come first, and with
    `same_quantization` nobody else comes at all.
    """
    others = [
        each
        for each in nodes
        if each.owner != audited.owner
        and each.node not in doubted
        and not (same_quantization and each.quantization != audited.quantization)
    ]
    rng.shuffle(others)
    others.sort(
        key=lambda each: (
            each.quantization != audited.quantization,
            not each.slots_free,
        )
    )
    sure = [each for each in others if each.node in trusted][:NEEDED]
    if len(sure) == NEEDED:
        return Referees(tuple(sure), "trusted")
    by_owner: dict[str, Offering] = {}
    for each in others:
        by_owner.setdefault(each.owner, each)
    chosen = tuple(by_owner.values())[:NEEDED]
    return Referees(chosen, "owners") if len(chosen) == NEEDED else None
