from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.comparing.documents import MAX_DOCUMENT, json_value

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "b": [true, 2.5]}',
        '{"b":[true,2.50],"a":1.0}',
        ' {"b": [true, 25e-1], "a": 1e0}\n',
        '```json\n{"a": 1, "b": [true, 2.5]}\n```',
        'Not {this}, but:\n~~~\n{"a": 1, "b": [true, 2.5]}\n~~~\nHope it helps',
        'Here it is: {"a": 1, "b": [true, 2.5]}. Anything else?',
        '<think>{"a": 2}</think>{"a": 1, "b": [true, 2.5]}',
        '{"\\u0061": 1, "b": [true, 2.5]}',
    ],
)
def test_one_document_has_one_value(text: str) -> None:
    assert json_value(text) == '{"a": 1, "b": [true, 2.5]}'


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("1", '"1"'),
        ("1", "true"),
        ("[1, 2]", "[2, 1]"),
        ('{"a": "x"}', '{"a": "X"}'),
        ('{"a": null}', "{}"),
        ("9007199254740993", "9007199254740992"),
        # to NFKC the first would be a second key
        ('{"a": "\N{FULLWIDTH QUOTATION MARK}"}', '{"a": "\\""}'),
    ],
)
def test_different_documents_have_different_values(a: str, b: str) -> None:
    assert json_value(a) != json_value(b)


def test_text_is_compared_in_one_normal_form() -> None:
    assert json_value('["e\u0301"]') == json_value('["\xe9"]')


@pytest.mark.parametrize(
    ("text", "value"), [("1e22", "1" + 22 * "0"), ("-0.0", "0"), ("1.50", "1.5")]
)
def test_numbers_are_by_value(text: str, value: str) -> None:
    assert json_value(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "No.",
        "{'a': 1}",
        "[1,]",
        "NaN",
        '{"a": Infinity}',
        "[" * 100_000,
        "{" * 100_000,
        '{"a":' * 50_000,
        "9" * 500,
        "9" * 200_000,
        "1e999999999",
        "1e99999999999999999999",
        "[" + " " * MAX_DOCUMENT + "]",
    ],
)
def test_what_is_no_document_has_no_value(text: str) -> None:
    assert json_value(text) is None


def test_half_a_surrogate_pair_stays_escaped() -> None:
    """Else the value would be a text that cannot be sent."""
    value = json_value('["\\ud800", "\xe9"]')

    assert value is not None
    assert value.isascii()


@given(DOCUMENTS)
def test_order_and_form_do_not_matter(document: object) -> None:
    def turned(value: object) -> object:
        match value:
            case dict():
                return {key: turned(value[key]) for key in reversed(value)}
            case list():
                return [turned(each) for each in value]
        return value

    plain = json_value(json.dumps(document))

    assert plain is not None
    assert plain == json_value(json.dumps(turned(document), indent=2))
