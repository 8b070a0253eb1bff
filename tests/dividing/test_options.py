from __future__ import annotations

import pytest

from clubai.dividing.options import (
    MOST_DOCUMENT_CHARACTERS,
    Dividing,
    Document,
    check,
    read_dividing,
)
from clubai.errors import ConfigError


def test_nothing_said_is_one_node() -> None:
    assert read_dividing({}) == Dividing(mode="single")


def test_options_are_read_from_plain_values() -> None:
    asked = {
        "mode": "subtasks",
        "parts": [{"prompt": "a"}, {"id": "b", "prompt": "b", "needs": ["1"]}],
        "merge": "none",
        "max_parts": 3,
    }

    got = read_dividing(asked)

    assert [part.needs for part in got.parts] == [(), ("1",)]
    assert (got.merge, got.max_parts) == ("none", 3)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"mode": "both"}, "^mode = 'both' cannot be used: Invalid enum value"),
        ({"replicas": 1}, "^replicas = 1 cannot be used: Expected `int` >= 2"),
        ({"replicas": 17}, "^replicas = 17 "),
        ({"replicas": "x" * 99}, "^replicas = 'str' "),
        ({"parts": [{"prompt": ""}]}, r"^parts\[0\]\.prompt = '' "),
        ({"parts": [{"prompt": "x", "text": 1}]}, r"^parts\[0\]\.text = 1 cannot"),
        ({"nodes": 3}, "^nodes = 3 cannot be used: there is no such option"),
        ({"tolerance": -1}, "^tolerance = -1 "),
        ([], "^clubai = 'list' cannot be used: Expected `object`"),
        ({"replicas": 5, "most_replicas": 3}, "most_replicas = 3"),
        ({"chunk_tokens": 50, "overlap_tokens": 50}, "overlap_tokens = 50"),
    ],
)
def test_what_cannot_be_used_is_named(asked: object, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        read_dividing(asked)


def test_documents_have_an_end() -> None:
    half = Document(text="x" * (MOST_DOCUMENT_CHARACTERS // 2 + 1))

    with pytest.raises(ConfigError, match="documents"):
        check(Dividing(documents=(half, half)))


def test_replicas_at_most() -> None:
    assert Dividing(replicas=3).replicas_at_most == 3
    assert Dividing(replicas=3, most_replicas=5).replicas_at_most == 5
