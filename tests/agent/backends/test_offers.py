from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.agent.backends.offers import (
    CHAT_KINDS,
    EMBEDDING_KINDS,
    count,
    kinds_by_name,
    least,
    rows,
    section,
    text,
)

anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "data", "n"]), inner, max_size=3)
    ),
)


@given(document=st.dictionaries(st.sampled_from(["id", "data", "n"]), anything))
def test_nothing_that_a_server_says_breaks_the_reading(
    document: dict[str, Any],
) -> None:
    for row in rows(document, "data", "id"):
        assert row["id"]
    assert isinstance(section(document, "data"), dict)
    assert count(document, "n", "data") >= 0
    assert isinstance(text(document, "id"), str)


def test_a_model_listed_twice_is_offered_once() -> None:
    document = {"data": [{"id": "a", "n": 1}, {"id": "a", "n": 2}, {"id": "b"}]}

    assert [row["id"] for row in rows(document, "data", "id")] == ["a", "b"]


def test_true_is_no_number() -> None:
    assert count({"n": True, "m": 4}, "n", "m") == 4


def test_the_least_of_what_is_known() -> None:
    assert least(0, 5, 3) == 3
    assert least(0) == 0


@pytest.mark.parametrize("name", ["nomic-embed-text", "bge-m3", "all-MiniLM-L6"])
def test_embedding_models_are_known_by_their_names(name: str) -> None:
    assert kinds_by_name(name) == EMBEDDING_KINDS


@pytest.mark.parametrize("name", ["llama-3", "qwen2.5", "badge5000"])
def test_other_models_chat(name: str) -> None:
    assert kinds_by_name(name) == CHAT_KINDS
