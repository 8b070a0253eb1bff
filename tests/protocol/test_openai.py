from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.errors import TaskRejected
from clubai.model import FailCode
from clubai.protocol import openai
from clubai.protocol.openai import (
    FieldError,
    Request,
    decode_body,
    least_tokens,
    parse_chat,
    parse_completion,
    parse_embedding,
)

HI = [{"role": "user", "content": "hi there"}]


def chat(**fields: Any) -> Request:
    return parse_chat(msgspec.json.encode({"model": "m", "messages": HI, **fields}))


def completion(**fields: Any) -> Request:
    return parse_completion(
        msgspec.json.encode({"model": "m", "prompt": "once upon", **fields})
    )


def embedding(**fields: Any) -> Request:
    return parse_embedding(msgspec.json.encode({"model": "m", "input": "x", **fields}))


def test_what_the_club_does_not_rely_on_passes_through_untouched() -> None:
    kept = {
        "messages": HI,
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "tool_choice": "auto",
        "response_format": {"type": "json_schema", "json_schema": {"name": "s"}},
        "logprobs": True,
        "seed": 7,
        "stop": ["\n"],
        "temperature": 0.0,
        "never_heard_of": {"deep": [1, None]},
    }

    request = chat(**kept)

    assert request.body == kept


def test_the_envelope_is_taken_out_of_the_body() -> None:
    request = chat(
        stream=True,
        stream_options={"include_usage": True},
        clubai={"mode": "single", "wait_s": 3, "deadline_s": 4.5},
    )

    assert request.body == {"messages": HI}
    assert request.model == "m"
    assert request.stream
    assert request.include_usage
    assert (request.dividing.mode, request.wait_s, request.deadline_s) == (
        "single",
        3.0,
        4.5,
    )


@pytest.mark.parametrize(
    "field",
    [
        "api_base",
        "api_key",
        "base_url",
        "extra_headers",
        "extra_body",
        "headers",
        "fallbacks",
        "keep_alive",
        "ttl",
        "id_slot",
    ],
)
def test_a_field_that_would_redirect_the_node_is_dropped(field: str) -> None:
    assert chat(**{field: "http://elsewhere"}).body == {"messages": HI}
    assert field not in completion(**{field: "http://elsewhere"}).body
    assert field not in embedding(**{field: "http://elsewhere"}).body


def test_nothing_said_is_not_streamed_and_unbounded() -> None:
    request = chat()

    assert not request.stream
    assert not request.include_usage
    assert request.max_tokens == 0
    assert request.wait_s is None
    assert request.deadline_s is None


def test_usage_asked_with_null_options_is_not_asked() -> None:
    assert not chat(stream=True, stream_options=None).include_usage
    assert not chat(stream=True, stream_options={}).include_usage
    assert not chat(stream=None).stream


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, 0),
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 6}, 6),
        ({"max_tokens": 5, "max_completion_tokens": 6}, 6),
        ({"max_tokens": None}, 0),
        ({"max_tokens": -1}, 0),
    ],
)
def test_both_names_of_the_bound_are_understood(
    fields: dict[str, Any], expected: int
) -> None:
    request = chat(**fields)

    assert request.max_tokens == expected
    assert request.body.get("max_tokens") == (expected or fields.get("max_tokens"))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"model": 5}, "model"),
        ({"model": "x" * 257}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [*HI, {"content": "x"}]}, "messages[1].role"),
        ({"messages": [{"role": "", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [5]}]}, "messages[0].content[0]"),
        ({"stream": "yes"}, "stream"),
        ({"stream": 1}, "stream"),
        ({"stream_options": []}, "stream_options"),
        ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({"n": 0}, "n"),
        ({"n": True}, "n"),
        ({"n": 129}, "n"),
        ({"n": 1.5}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"max_tokens": 1 << 31}, "max_tokens"),
        ({"max_completion_tokens": -2}, "max_completion_tokens"),
        ({"clubai": "consensus"}, "clubai"),
        ({"clubai": {"replicas": 1}}, "clubai.replicas"),
        ({"clubai": {"nodes": 3}}, "clubai.nodes"),
        (
            {"clubai": {"mode": "subtasks", "parts": [{"prompt": ""}]}},
            "clubai.parts[0].prompt",
        ),
        ({"clubai": {"replicas": 5, "most_replicas": 3}}, "clubai.most_replicas"),
        ({"clubai": {"mode": "consensus"}, "n": 2}, "n"),
        ({"clubai": {"mode": "loud"}}, "clubai.mode"),
        ({"clubai": {"mode": ["single"]}}, "clubai.mode"),
        ({"clubai": {"wait_s": -1}}, "clubai.wait_s"),
        ({"clubai": {"wait_s": True}}, "clubai.wait_s"),
        ({"clubai": {"deadline_s": "1"}}, "clubai.deadline_s"),
        ({"clubai": {"deadline_s": 86_401}}, "clubai.deadline_s"),
    ],
)
def test_a_wrong_field_of_a_chat_is_named(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(FieldError) as caught:
        chat(**fields)

    assert caught.value.field == field
    assert caught.value.code is FailCode.BAD_REQUEST
    assert caught.value.message.startswith(f"{field} ")
    assert caught.value.fix in caught.value.message


def test_a_missing_field_is_said_to_be_missing() -> None:
    with pytest.raises(FieldError, match=r"^model is missing: name one"):
        parse_chat(msgspec.json.encode({"messages": HI}))
    with pytest.raises(FieldError, match=r"^messages is missing"):
        parse_chat(b'{"model":"m"}')


@pytest.mark.parametrize("mode", ["subtasks", "consensus", "context"])
def test_only_chats_are_divided(mode: str) -> None:
    assert chat(clubai={"mode": mode}).dividing.mode == mode
    for ask in (completion, embedding):
        with pytest.raises(FieldError, match="only chat requests") as caught:
            ask(clubai={"mode": mode})
        assert caught.value.field == "clubai.mode"
        assert caught.value.code is FailCode.UNSUPPORTED


@pytest.mark.parametrize("field", ["tools", "functions"])
def test_a_divided_job_has_no_tools(field: str) -> None:
    assert chat(**{field: []}, clubai={"mode": "consensus"}).dividing
    with pytest.raises(FieldError, match="a divided job calls no tools") as caught:
        chat(**{field: [{"name": "f"}]}, clubai={"mode": "consensus"})

    assert caught.value.field == field
    assert caught.value.code is FailCode.UNSUPPORTED


def test_the_options_of_a_mode_are_taken_out_and_checked() -> None:
    request = chat(
        clubai={
            "mode": "subtasks",
            "parts": [{"prompt": "a"}, {"prompt": "b", "needs": ["1"]}],
            "merge": None,
        }
    )

    assert request.body == {"messages": HI}
    assert [part.prompt for part in request.dividing.parts] == ["a", "b"]
    assert request.dividing.merge == "model"


def test_a_refusal_shows_no_content_of_lists_and_cuts_long_values() -> None:
    with pytest.raises(FieldError) as caught:
        chat(messages=[["a secret"]])
    assert "secret" not in caught.value.message

    with pytest.raises(FieldError) as caught:
        chat(model="x" * 5000)
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b'{"model":"\xff"}',
        b'{"model":"\\ud800"}',
        b"[]",
        b"null",
        b'"text"',
        b'{"a":NaN}',
        b'{"a":1e999}',
        b'{"model":"m"} {"model":"m"}',
        b'{"a":' * 100_000,
        b"[" * 100_000,
    ],
)
def test_a_body_that_cannot_be_read_is_a_bad_request(data: bytes) -> None:
    with pytest.raises(TaskRejected) as caught:
        decode_body(data)

    assert caught.value.code is FailCode.BAD_REQUEST


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    for parse in (parse_chat, parse_completion, parse_embedding):
        with pytest.raises(TaskRejected):
            parse(data)


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "text", "mode", "include_usage"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "messages",
                "prompt",
                "input",
                "n",
                "stream",
                "stream_options",
                "max_tokens",
                "clubai",
                "encoding_format",
            ]
        ),
        _json,
    )
)
def test_no_json_raises_anything_else(fields: dict[str, Any]) -> None:
    for parse in (chat, completion, embedding):
        try:
            request = parse(**fields)
        except TaskRejected:
            continue
        assert request.prompt_tokens >= 0


@pytest.mark.parametrize(
    ("prompt", "least"),
    [
        ("one two three", 3),
        ("", 0),
        (["one two", "three four five"], 2),
        ([1, 2, 3, 4], 4),
        ([[1, 2], [3]], 2),
    ],
)
def test_prompts_of_completions_are_counted(prompt: Any, least: int) -> None:
    request = completion(prompt=prompt)

    assert request.prompt_tokens == least
    assert request.body["prompt"] == prompt


@pytest.mark.parametrize("prompt", [None, [], 5, {}, [None], [["x"]], [1, "x"]])
def test_a_wrong_prompt_is_named(prompt: Any) -> None:
    with pytest.raises(FieldError) as caught:
        completion(prompt=prompt)

    assert caught.value.field.startswith("prompt")


@pytest.mark.parametrize(
    ("value", "inputs"),
    [("x", 1), (["x", ""], 2), ([1, 2, 3], 1), ([[1], [2], [3]], 3)],
)
def test_inputs_of_embeddings_are_counted(value: Any, inputs: int) -> None:
    assert embedding(input=value).inputs == inputs


@pytest.mark.parametrize("value", ["", [], None, 5, [None], ["x"] * 2049])
def test_a_wrong_input_is_named(value: Any) -> None:
    with pytest.raises(FieldError) as caught:
        embedding(input=value)

    assert caught.value.field.startswith("input")


def test_nodes_are_always_asked_for_floats() -> None:
    assert embedding(encoding_format="base64").body["encoding_format"] == "float"
    assert embedding(encoding_format="base64").base64
    assert not embedding(encoding_format="float").base64
    assert not embedding().base64
    with pytest.raises(FieldError, match="encoding_format"):
        embedding(encoding_format="int8")


def test_words_of_all_messages_count_and_pictures_do_not() -> None:
    request = chat(
        messages=[
            {"role": "system", "content": "be brief"},
            {"role": "assistant", "content": None},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "what is this"},
                    {"type": "image_url", "image_url": {"url": "data:a b c"}},
                ],
            },
        ]
    )

    assert request.prompt_tokens == 5


def test_spaces_and_scripts_without_spaces_never_raise_the_count() -> None:
    assert least_tokens([" " * 10_000]) == 0
    assert least_tokens(["\t\n" * 5000 + "x"]) == 1
    assert least_tokens(["中" * 10_000]) == 1
    assert least_tokens(["=" * 10_000]) == 1


@given(st.lists(st.text("ab \n", max_size=30), max_size=5))
def test_the_count_is_at_most_the_words(texts: list[str]) -> None:
    assert least_tokens(texts) == sum(len(text.split()) for text in texts)


def test_of_a_long_prompt_only_the_beginning_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(openai, "COUNTED_CHARACTERS", 10)

    assert least_tokens(["a b c d e f g h", "i j k"]) == 5
