from __future__ import annotations

import pytest

from clubai.errors import AuthenticationError
from clubai.transport.bearer import bearer_token


@pytest.mark.parametrize("header", ["Bearer abc", "bearer abc", "BEARER  abc "])
def test_a_token_is_read_out_of_its_header(header: str) -> None:
    assert bearer_token(header) == "abc"


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer  ", "Basic x", "Token x", "bearerx", "x y"]
)
def test_a_header_without_a_token_is_told(header: str | None) -> None:
    with pytest.raises(AuthenticationError, match="Authorization: Bearer KEY"):
        bearer_token(header)
