from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.economics.errors import RateCardError
from clubai.economics.month import Period
from clubai.economics.ratecard import CARD_1, by_size, read_card, size_of

JAN = Period(2026, 1)


@pytest.mark.parametrize(
    ("model", "milli"),
    [
        ("Qwen3-0.6B", 682),
        ("some-1B", 1000),
        ("smol-3b-instruct", 2280),
        ("Llama-3.1-8B-Instruct", 4757),
        ("qwen3:30b", 12_819),
        ("Llama-70B", 24_200),
        ("Qwen3-30B-A3B", 2280),
        ("SmolLM2-135M", by_size(135)),
        ("mystery", 250),
        ("mixtral-8x7B", 250),
        ("gpt-4", 250),
        ("distill-8B-of-70B", 4757),
    ],
)
def test_the_default_table(model: str, milli: int) -> None:
    assert CARD_1.milli(model, JAN) == milli


@given(st.integers(1, 10_000_000))
def test_by_size_is_the_fourth_root_rounded(millions: int) -> None:
    milli = by_size(millions)

    assert (2 * milli - 1) ** 4 <= 16 * 1000 * millions**3 < (2 * milli + 1) ** 4


def test_a_rate_counts_from_its_month_on() -> None:
    card = read_card(
        'version = 2\nunknown = 100\n[[rate]]\nmodel = "a-8B"\nfrom = "2026-02"\n'
        'milli = 5000\n[[rate]]\nmodel = "a-8B"\nfrom = "2026-04"\nmilli = 6000\n'
    )

    def milli(month: int) -> int:
        return card.milli("a-8B", Period(2026, month))

    assert [milli(1), milli(2), milli(3), milli(4)] == [4757, 5000, 5000, 6000]
    assert card.milli("mystery", JAN) == 100
    assert card.sha256 != CARD_1.sha256


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("version =", "file"),
        ("", "version"),
        ("version = 0", "version"),
        ("version = true", "version"),
        ("version = 1\nunknown = -1", "unknown"),
        ("version = 1\nunknown = 2.5", "unknown"),
        ("version = 1\nsizes = 1", "sizes"),
        ("version = 1\nrates = 1", "rates"),
        ("version = 1\nrate = 1", "rate"),
        ('version = 1\n[[rate]]\nmodel = "a"', "rate"),
        ('version = 1\n[[rate]]\nmodel = ""\nfrom = "2026-01"\nmilli = 1', "model"),
        ('version = 1\n[[rate]]\nmodel = "a"\nfrom = "now"\nmilli = 1', "from"),
        ('version = 1\n[[rate]]\nmodel = "a"\nfrom = "2026-01"\nmilli = "1"', "milli"),
        (
            "version = 1\n"
            + '[[rate]]\nmodel = "a"\nfrom = "2026-01"\nmilli = 1\n' * 2,
            "model",
        ),
    ],
)
def test_a_bad_card_is_an_error_and_no_other_card(text: str, field: str) -> None:
    with pytest.raises(RateCardError) as caught:
        read_card(text)

    assert caught.value.field == field


def test_sizes_can_be_off() -> None:
    assert read_card("version = 3\nsizes = false").milli("x-8B", JAN) == 250


@given(st.text())
def test_any_name_has_a_size_or_none(name: str) -> None:
    size = size_of(name)

    assert size is None or size > 0
