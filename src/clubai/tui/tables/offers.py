"""The table of what one node offers."""

from __future__ import annotations

from typing import Final

from clubai.model import ModelOffer
from clubai.tui.grid import Column, Grid
from clubai.tui.look import Cell, rate


def offers_grid() -> Grid[ModelOffer]:
    """The models, by name."""
    return Grid(OFFERS, key=lambda offer: offer.name, sort="Model")


OFFERS: Final[tuple[Column[ModelOffer], ...]] = (
    Column(
        name="Model",
        width=20,
        grow=True,
        cell=lambda offer, _: Cell(offer.name),
        sort=lambda offer: offer.name,
        says="Its name, as the club knows it.",
    ),
    Column(
        name="Memory",
        width=6,
        cell=lambda offer, _: (
            Cell("warm", "good") if offer.warm else Cell("cold", "muted")
        ),
        sort=lambda offer: not offer.warm,
        says="Warm: in memory now. A cold one is loaded by the first request for it.",
    ),
    Column(
        name="Context",
        width=8,
        right=True,
        cell=lambda offer, _: Cell(str(offer.context) if offer.context else "-"),
        sort=lambda offer: offer.context,
        falling=True,
        says="Tokens that a request may hold with its answer; `-`: not known.",
    ),
    Column(
        name="Tok/s",
        width=6,
        right=True,
        cell=lambda offer, _: Cell(rate(offer.tokens_per_second)),
        sort=lambda offer: offer.tokens_per_second,
        falling=True,
        says="Measured by the node itself on one slot; `-`: not measured.",
    ),
    Column(
        name="Weights",
        rank=1,
        width=10,
        cell=lambda offer, _: Cell(offer.quantization or "-"),
        sort=lambda offer: offer.quantization,
        says="How they are quantized, if the model server says so.",
    ),
    Column(
        name="Kinds",
        rank=2,
        width=26,
        cell=lambda offer, _: Cell(", ".join(offer.kinds)),
        sort=lambda offer: offer.kinds,
        says="What can be asked of it.",
    ),
)
