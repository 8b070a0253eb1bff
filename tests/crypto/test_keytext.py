from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.crypto.keytext import KEY_TEXT_LENGTH, key_text, read_key
from clubai.errors import ConfigError
from clubai.model import NodeId, node_text


@given(st.binary(min_size=32, max_size=32))
def test_a_key_is_read_back_however_it_is_written(key: bytes) -> None:
    text = key_text(key)

    assert len(text) == KEY_TEXT_LENGTH
    assert text == node_text(NodeId(key))
    assert read_key(f" {text.upper()}\n", "key") == key


@pytest.mark.parametrize(
    "text",
    ["", "a" * 51, "a" * 51 + "b", "1" * 52, "a" * 53, "é" * 52, "a" * 26, "=" * 52],
)
def test_another_text_is_refused_by_its_field(text: str) -> None:
    with pytest.raises(ConfigError, match="52 characters") as refused:
        read_key(text, "owner key")

    assert refused.value.field == "owner key"
