from __future__ import annotations

from typing import Any

import pytest

from clubai.tui.asking import Asking


@pytest.mark.parametrize(
    ("asking", "options"),
    [
        (Asking(), {}),
        (Asking(system="Short.", samples=("Why?",)), {}),
        (Asking(temperature=0, seed=0), {"temperature": 0, "seed": 0}),
        (
            Asking(max_tokens=9, temperature=0.5, seed=7),
            {"max_tokens": 9, "temperature": 0.5, "seed": 7},
        ),
    ],
)
def test_only_what_was_given_goes_to_the_models_server(
    asking: Asking, options: dict[str, Any]
) -> None:
    assert asking.options == options
