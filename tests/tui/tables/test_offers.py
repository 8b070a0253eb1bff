from __future__ import annotations

from clubai.model import ModelOffer
from clubai.tui.look import Look
from clubai.tui.tables.offers import OFFERS, offers_grid


def test_what_is_not_known_of_a_model_is_a_dash() -> None:
    offer = ModelOffer(name="qwen3-8b", warm=False)

    shown = {column.name: column.cell(offer, Look()).text for column in OFFERS}

    assert shown == {
        "Model": "qwen3-8b",
        "Memory": "cold",
        "Context": "-",
        "Tok/s": "-",
        "Weights": "-",
        "Kinds": "chat, completion",
    }


def test_every_column_sorts() -> None:
    grid = offers_grid()
    some = ModelOffer(name="a", context=8, quantization="Q4_K_M", tokens_per_second=4.0)
    grid.put([ModelOffer(name="b"), some], Look())

    assert [row.name for row in grid.shown] == ["a", "b"]
    for column in OFFERS:
        grid.sort(column.name)
        assert len(grid.shown) == 2
