from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.economics import canonical

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**90), 2**90) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(values)
def test_what_is_written_is_read(value: object) -> None:
    try:
        text = canonical.encode(value)
    except UnicodeEncodeError:
        return

    assert canonical.decode(text) == value


@pytest.mark.parametrize(
    "text",
    [
        b"1.0",
        b"1e3",
        b"NaN",
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a": 1}',
        b'"\\u0041"',
        b"[1]\n",
        b"\xff",
        b"",
        b"9" * 65,
        b"[" * 100_000,
    ],
)
def test_any_other_form_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's, codecs' or ours
        canonical.decode(text)
