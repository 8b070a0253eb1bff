from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.errors import TaskFailed
from clubai.model import FailCode
from clubai.protocol.openai_fold import (
    AnswerFold,
    decode_object,
    finish_reason,
    text_of,
)
from clubai.protocol.records import Choice
from support.fake_client import delta


def folded(*steps: Choice) -> list[dict[str, Any]]:
    fold = AnswerFold()
    for step in steps:
        fold.add(step)
    return fold.messages()


def message(*steps: Choice) -> dict[str, Any]:
    (choice,) = folded(*steps)
    return choice["message"]


def test_texts_are_joined_in_order() -> None:
    (choice,) = folded(
        delta(role="assistant", content=None),
        delta(content="Hel"),
        delta(content="lo"),
        delta("stop"),
    )

    assert choice == {
        "index": 0,
        "message": {"role": "assistant", "content": "Hello"},
        "logprobs": None,
        "finish_reason": "stop",
    }


def test_choices_are_folded_apart_and_sorted() -> None:
    choices = folded(
        delta(index=1, content="b"),
        delta(index=0, content="a"),
        delta("length", index=0),
        delta("stop", index=1, content="B"),
    )

    assert [each["index"] for each in choices] == [0, 1]
    assert [each["message"]["content"] for each in choices] == ["a", "bB"]
    assert [each["finish_reason"] for each in choices] == ["length", "stop"]


def test_tool_calls_are_found_by_their_index() -> None:
    def call(index: int, **fields: Any) -> Choice:
        return delta(tool_calls=[{"index": index, **fields}])

    found = message(
        call(0, id="c0", type="function", function={"name": "f", "arguments": ""}),
        call(1, id="c1", type="function", function={"name": "g", "arguments": "{"}),
        call(0, function={"arguments": '{"a":'}),
        call(1, function={"arguments": "}"}),
        call(0, function={"arguments": "1}"}),
        delta("tool_calls"),
    )

    assert found == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "c0",
                "type": "function",
                "function": {"name": "f", "arguments": '{"a":1}'},
            },
            {
                "id": "c1",
                "type": "function",
                "function": {"name": "g", "arguments": "{}"},
            },
        ],
    }


def test_a_server_that_says_the_name_again_is_understood() -> None:
    again = {"index": 0, "id": "c0", "type": "function"}
    found = message(
        delta(tool_calls=[{**again, "function": {"name": "get", "arguments": "{"}}]),
        delta(tool_calls=[{**again, "function": {"name": "get", "arguments": "}"}}]),
        delta("tool_calls"),
    )

    assert found["tool_calls"][0]["id"] == "c0"
    assert found["tool_calls"][0]["function"] == {"name": "get", "arguments": "{}"}


def test_whole_tool_calls_without_an_index_are_kept_apart() -> None:
    calls = [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": "1"}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": "2"}},
    ]

    assert message(delta("tool_calls", tool_calls=calls))["tool_calls"] == calls


def test_reasoning_refusal_audio_and_unknown_fields_are_folded_too() -> None:
    found = message(
        delta(reasoning_content="I th", refusal="No", audio={"id": "x", "data": "AA"}),
        delta(reasoning_content="ink", refusal="pe", audio={"data": "BB"}),
        delta(function_call={"name": "f", "arguments": "{"}),
        delta(function_call={"arguments": "}"}),
        delta(annotations=[1], score=1),
        delta("stop", annotations=[2], score=2),
    )

    assert found == {
        "role": "assistant",
        "content": "",
        "reasoning_content": "I think",
        "refusal": "Nope",
        "audio": {"id": "x", "data": "AABB"},
        "function_call": {"name": "f", "arguments": "{}"},
        "annotations": [1, 2],
        "score": 2,
    }


def test_logprobs_of_all_steps_are_one_list() -> None:
    (choice,) = folded(
        delta(content="a", logprobs={"content": [{"token": "a"}], "refusal": None}),
        delta(content="b", logprobs={"content": [{"token": "b"}], "refusal": None}),
        delta("stop"),
    )

    assert choice["logprobs"] == {
        "content": [{"token": "a"}, {"token": "b"}],
        "refusal": None,
    }


def test_completions_are_folded_to_texts() -> None:
    fold = AnswerFold()
    fold.add(Choice(text="once", logprobs=msgspec.Raw(b'{"tokens":["once"]}')))
    fold.add(Choice(text=" upon", logprobs=msgspec.Raw(b'{"tokens":[" upon"]}')))
    fold.add(Choice(text="", finish_reason="length", logprobs=msgspec.Raw(b"null")))

    assert fold.texts() == [
        {
            "index": 0,
            "text": "once upon",
            "logprobs": {"tokens": ["once", " upon"]},
            "finish_reason": "length",
        }
    ]


def test_an_answer_without_a_finish_reason_is_no_answer() -> None:
    with pytest.raises(TaskFailed) as caught:
        folded(delta("stop", index=0, content="a"), delta(index=1, content="b"))

    assert caught.value.code is FailCode.TRUNCATED


def test_no_steps_are_no_answer() -> None:
    with pytest.raises(TaskFailed) as caught:
        folded()

    assert caught.value.code is FailCode.EMPTY


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("content_filter", "content_filter"),
        ("function_call", "function_call"),
        ("eos", "stop"),
        ("max_tokens", "length"),
        ("tool_use", "tool_calls"),
    ],
)
def test_finish_reasons_are_those_that_clients_know(said: str, known: str) -> None:
    assert finish_reason(said) == known


@pytest.mark.parametrize("said", ["abort", "error", "cancelled"])
def test_a_broken_answer_is_a_failure(said: str) -> None:
    with pytest.raises(TaskFailed) as caught:
        folded(delta(said, content="a"))

    assert caught.value.code is FailCode.TRUNCATED


@pytest.mark.parametrize("raw", [b"5", b'"x"', b"[1]", b'{"a":"\xff"}'])
def test_a_delta_that_is_no_object_is_the_nodes_failure(raw: bytes) -> None:
    with pytest.raises(TaskFailed) as caught:
        decode_object(msgspec.Raw(raw))

    assert caught.value.code is FailCode.BACKEND


def test_text_that_is_no_text_is_the_nodes_failure() -> None:
    step = delta(content=["x"])

    with pytest.raises(TaskFailed):
        text_of(step)
    with pytest.raises(TaskFailed):
        folded(step, delta("stop"))
    assert text_of(delta(content="x")) == "x"
    assert text_of(delta(content=None)) == text_of(Choice()) == ""


_json = st.recursive(
    st.none() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["index", "function", "name", "arguments", "id", "x"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
_keys = st.sampled_from(["role", "content", "tool_calls", "function_call", "audio"])


@given(st.lists(st.dictionaries(_keys, _json, max_size=3), max_size=6))
def test_no_delta_breaks_the_fold(deltas: list[dict[str, Any]]) -> None:
    try:
        found = message(*(delta(**each) for each in deltas), delta("stop"))
    except TaskFailed:
        return

    assert isinstance(found["content"], str | None)
    assert msgspec.json.decode(msgspec.json.encode(found)) == found


_text = st.text(min_size=1, max_size=12)
_calls = st.lists(
    st.fixed_dictionaries(
        {
            "id": _text,
            "type": st.just("function"),
            "function": st.fixed_dictionaries({"name": _text, "arguments": _text}),
        }
    ),
    min_size=1,
    max_size=3,
)
_messages = st.fixed_dictionaries(
    {"role": st.just("assistant")},
    optional={
        "content": _text,
        "reasoning_content": _text,
        "refusal": _text,
        "tool_calls": _calls,
    },
)


@st.composite
def _split(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Draw a message and deltas that stream it, its fields in any interleaving."""
    whole = draw(_messages)
    lanes: list[list[dict[str, Any]]] = []
    for key, value in whole.items():
        if key == "role":
            continue
        if key != "tool_calls":
            lanes.append([{key: piece} for piece in draw(_cuts(value))])
            continue
        for index, call in enumerate(value):
            name = {"name": call["function"]["name"]}
            head = {"index": index, "id": call["id"], "type": "function"}
            pieces = [
                {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
                for piece in draw(_cuts(call["function"]["arguments"]))
            ]
            lanes.append([{"tool_calls": [{**head, "function": name}]}, *pieces])
    steps: list[dict[str, Any]] = [{"role": "assistant"}]
    while any(lanes):
        lane = draw(st.sampled_from([lane for lane in lanes if lane]))
        steps.append(lane.pop(0))
    return whole, steps


def _cuts(text: str) -> st.SearchStrategy[list[str]]:
    def cut(at: list[int]) -> list[str]:
        bounds = [0, *sorted(at), len(text)]
        return [text[a:b] for a, b in itertools.pairwise(bounds)]

    return st.lists(st.integers(0, len(text)), max_size=4).map(cut)


@given(_split())
def test_any_message_cut_into_deltas_folds_back(
    example: tuple[dict[str, Any], list[dict[str, Any]]],
) -> None:
    whole, steps = example

    found = message(*(delta(**step) for step in steps), delta("stop"))

    empty = None if "tool_calls" in whole else ""
    assert found == {"content": empty, **whole}
