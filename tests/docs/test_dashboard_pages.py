from __future__ import annotations

from pathlib import Path

import pytest

from support.dashboard_tables import filled, pages


@pytest.mark.parametrize("page", list(pages()), ids=lambda page: page.stem)
def test_the_pages_say_what_the_columns_and_keys_are(page: Path) -> None:
    """`PYTHONPATH=tests python -m support.dashboard_tables` writes it anew."""
    text = page.read_text()

    assert filled(text) == text
