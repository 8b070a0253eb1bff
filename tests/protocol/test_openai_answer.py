from __future__ import annotations

import base64
import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.errors import TaskFailed
from clubai.model import FailCode, Usage
from clubai.protocol.openai_answer import (
    ChunkWriter,
    answer_id,
    completion,
    embeddings,
    model_list,
    whole_usage,
)
from clubai.protocol.openai_fold import AnswerFold
from clubai.protocol.records import Choice
from support.fake_client import delta, model


def read(event: bytes) -> Any:
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    assert event.count(b"\n") == 2
    return msgspec.json.decode(event[6:])


def test_a_chunk_is_the_step_with_the_streams_head() -> None:
    writer = ChunkWriter("chat", "chatcmpl-1", 'a "model"', 12)

    assert read(writer.write(delta(content="Hi"))) == {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 12,
        "model": 'a "model"',
        "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}],
    }


def test_the_last_chunk_has_an_empty_delta_and_the_reason() -> None:
    writer = ChunkWriter("chat", "x", "m", 1)

    (choice,) = read(writer.write(Choice(index=2, finish_reason="eos")))["choices"]

    assert choice == {"index": 2, "delta": {}, "finish_reason": "stop"}


def test_logprobs_are_passed_on() -> None:
    writer = ChunkWriter("chat", "x", "m", 1)
    step = delta(content="a", logprobs={"content": [{"token": "a"}]})

    (choice,) = read(writer.write(step))["choices"]

    assert choice["logprobs"] == {"content": [{"token": "a"}]}


def test_a_chunk_of_a_completion_has_text() -> None:
    writer = ChunkWriter("completion", "cmpl-1", "m", 1)

    chunk = read(writer.write(Choice(text="once\n")))

    assert chunk["object"] == "text_completion"
    assert chunk["choices"] == [{"index": 0, "text": "once\n", "finish_reason": None}]


def test_the_usage_chunk_has_no_choices() -> None:
    chunk = read(ChunkWriter("chat", "x", "m", 1).usage({"prompt_tokens": 3}))

    assert chunk["choices"] == []
    assert chunk["usage"] == {"prompt_tokens": 3}


def test_a_line_break_between_the_tokens_of_a_delta_makes_no_second_event() -> None:
    forged = msgspec.Raw(b'{"content":\n\ndata: [DONE]\n\n"x"}')
    spaced = msgspec.Raw(b'{"content":\n\n"x"\r\n}')
    writer = ChunkWriter("chat", "x", "m", 1)

    with pytest.raises(TaskFailed):
        writer.write(Choice(delta=forged))
    (choice,) = read(writer.write(Choice(delta=spaced)))["choices"]
    assert choice["delta"] == {"content": "x"}


@pytest.mark.parametrize("raw", [b"5", b'{"content":"\xff"}', b"[]"])
def test_a_broken_delta_is_not_passed_on(raw: bytes) -> None:
    with pytest.raises(TaskFailed) as caught:
        ChunkWriter("chat", "x", "m", 1).write(Choice(delta=msgspec.Raw(raw)))

    assert caught.value.code is FailCode.BACKEND


def test_a_stream_may_end_when_every_choice_has_ended() -> None:
    writer = ChunkWriter("chat", "x", "m", 1)
    writer.write(delta(index=0, content="a"))
    writer.write(delta("stop", index=1))
    with pytest.raises(TaskFailed) as caught:
        writer.finish()
    assert caught.value.code is FailCode.TRUNCATED

    writer.write(delta("stop", index=0))
    writer.finish()


def test_a_stream_without_steps_is_empty() -> None:
    with pytest.raises(TaskFailed) as caught:
        ChunkWriter("chat", "x", "m", 1).finish()

    assert caught.value.code is FailCode.EMPTY


@given(st.text(max_size=20), st.integers(0, 5))
def test_any_text_comes_out_as_it_went_in(text: str, index: int) -> None:
    writer = ChunkWriter("chat", "x", "m", 1)

    (choice,) = read(writer.write(delta(index=index, content=text)))["choices"]

    assert choice["index"] == index
    assert choice["delta"] == {"content": text}


def test_a_whole_completion_has_choices_and_usage() -> None:
    fold = AnswerFold()
    fold.add(Choice(text="upon", finish_reason="stop"))
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}

    body = completion("completion", "cmpl-1", "m", 9, fold, usage)

    assert msgspec.json.decode(body) == {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 9,
        "model": "m",
        "choices": [
            {"index": 0, "text": "upon", "logprobs": None, "finish_reason": "stop"}
        ],
        "usage": usage,
    }


def test_answers_are_named_after_their_kind() -> None:
    assert answer_id("chat", "ab") == "chatcmpl-ab"
    assert answer_id("completion", "ab") == "cmpl-ab"


def rows(*vectors: Any) -> bytes:
    return msgspec.json.encode(
        [{"index": index, "embedding": each} for index, each in enumerate(vectors)]
    )


def embedded(data: bytes, inputs: int, *, as_base64: bool = False) -> Any:
    usage = {"prompt_tokens": 4, "completion_tokens": 0, "total_tokens": 4}
    return msgspec.json.decode(
        embeddings(data, "m", usage, inputs=inputs, as_base64=as_base64)
    )


def test_embeddings_come_as_floats() -> None:
    assert embedded(rows([0.5, -1], [2.0]), 2) == {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [0.5, -1.0]},
            {"object": "embedding", "index": 1, "embedding": [2.0]},
        ],
        "model": "m",
        "usage": {"prompt_tokens": 4, "total_tokens": 4},
    }


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_base64_is_little_endian_floats_of_32_bits(vector: list[float]) -> None:
    (row,) = embedded(rows(vector), 1, as_base64=True)["data"]

    packed = base64.b64decode(row["embedding"])
    assert list(struct.unpack(f"<{len(vector)}f", packed)) == vector


def test_what_a_server_gives_as_base64_already_stays() -> None:
    (row,) = embedded(rows("AAAA"), 1, as_base64=True)["data"]

    assert row["embedding"] == "AAAA"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        rows([1.0]),
        rows([1.0], [2.0], [3.0]),
        b'[{"index":1,"embedding":[1]},{"index":0,"embedding":[1]}]',
        rows([1.0], [None]),
        rows([1.0], [1e300]),
        b'[{"embedding":"\xff"}]',
    ],
)
def test_wrong_embeddings_are_the_nodes_failure(data: bytes) -> None:
    with pytest.raises(TaskFailed) as caught:
        embedded(data, 2, as_base64=True)

    assert caught.value.code is FailCode.BACKEND


def test_a_model_is_listed_with_what_the_club_knows() -> None:
    listed = msgspec.json.decode(model_list([model("a/b", warm=0)], 5))

    assert listed["object"] == "list"
    assert listed["data"] == [
        {
            "id": "a/b",
            "object": "model",
            "created": 5,
            "owned_by": "clubai",
            "clubai": {
                "nodes": 2,
                "warm": 0,
                "slots": 4,
                "slots_free": 3,
                "context": 2048,
                "kinds": ["chat", "completion"],
            },
        }
    ]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}),
        (b"null", {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}),
        (
            b'{"prompt_tokens":9,"completion_tokens":null,"total_tokens":9,"x":{"y":1}}',
            {
                "prompt_tokens": 9,
                "completion_tokens": 3,
                "total_tokens": 9,
                "x": {"y": 1},
            },
        ),
    ],
)
def test_usage_always_has_the_three_counts(
    raw: bytes, expected: dict[str, Any]
) -> None:
    usage = Usage(prompt_tokens=7, completion_tokens=3)

    assert whole_usage(msgspec.Raw(raw), usage) == expected
