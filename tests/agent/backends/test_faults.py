from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.agent.backends.faults import (
    MAX_MESSAGE_CHARS,
    Fault,
    fail_code,
    interruption,
    parse_fault,
    read_fault,
    refusal,
)
from clubai.model import FailCode

LLAMACPP_CONTEXT = {
    "error": {
        "code": 400,
        "message": "request (10030 tokens) exceeds the available context size",
        "type": "exceed_context_size_error",
        "n_prompt_tokens": 10030,
        "n_ctx": 2048,
    }
}
VLLM_CONTEXT = {
    "error": {
        "message": "This model's maximum context length is 4096 tokens. However, you "
        "requested 5000 tokens.",
        "type": "BadRequestError",
        "code": 400,
    }
}


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"error": {"message": "a", "type": "t", "code": 5}}, "a"),
        ({"error": {"message": "a", "type": None, "code": None}}, "a"),
        ({"error": "a"}, "a"),
        ({"object": "error", "message": "a", "type": "t", "code": 400}, "a"),
        ({"detail": "a"}, "a"),
        ("a", "a"),
        ({"error": {}}, ""),
        ({}, ""),
        (None, ""),
    ],
)
def test_every_shape_is_read(found: Any, message: str) -> None:
    assert read_fault(found).message == message


def test_a_frameworks_detail_is_read_without_the_members_text() -> None:
    detail = [{"loc": ["body", "messages"], "msg": "required", "input": "my secret"}]

    fault = read_fault({"detail": detail})

    assert fault.message == "body.messages: required"


def test_codes_become_text() -> None:
    assert read_fault({"error": {"message": "", "code": 400}}).code == "400"
    assert read_fault({"error": {"message": "", "code": "x"}}).code == "x"
    assert read_fault({"error": {"message": "", "code": None}}).code == ""


@given(body=st.binary(max_size=400))
def test_any_body_is_read(body: bytes) -> None:
    assert len(parse_fault(body).message) <= MAX_MESSAGE_CHARS


def test_a_long_message_is_cut() -> None:
    fault = parse_fault(json.dumps({"error": "x" * 5000}).encode())

    assert len(fault.message) == MAX_MESSAGE_CHARS


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, LLAMACPP_CONTEXT, FailCode.CONTEXT_LENGTH_EXCEEDED),
        (400, VLLM_CONTEXT, FailCode.CONTEXT_LENGTH_EXCEEDED),
        (
            500,
            {"error": "Context size has been exceeded."},
            FailCode.CONTEXT_LENGTH_EXCEEDED,
        ),
        (
            400,
            {"error": "the input length exceeds the context length"},
            FailCode.CONTEXT_LENGTH_EXCEEDED,
        ),
        (
            500,
            {
                "error": "input (600 tokens) is too large to process. increase the "
                "physical batch size (current batch size: 512)"
            },
            FailCode.CONTEXT_LENGTH_EXCEEDED,
        ),
        (400, {"error": "wrong"}, FailCode.BAD_REQUEST),
        (400, {"error": "'context' is not a known field"}, FailCode.BAD_REQUEST),
        (400, {"error": "unsupported value: temperature"}, FailCode.BAD_REQUEST),
        (409, {"error": "conflict"}, FailCode.BAD_REQUEST),
        (401, {"error": "model not found"}, FailCode.BACKEND),
        (403, {"error": "no"}, FailCode.BACKEND),
        (404, {"error": "model 'x' not found"}, FailCode.UNKNOWN_MODEL),
        (404, {"error": "anything else"}, FailCode.UNKNOWN_MODEL),
        (404, {"detail": "Not Found"}, FailCode.UNSUPPORTED),
        (404, {"error": {"message": "File Not Found"}}, FailCode.UNSUPPORTED),
        (
            400,
            {"error": {"message": "?", "code": "model_not_found"}},
            FailCode.UNKNOWN_MODEL,
        ),
        (400, {"error": "No models loaded."}, FailCode.UNKNOWN_MODEL),
        (405, {}, FailCode.UNSUPPORTED),
        (400, {"error": "x does not support tools"}, FailCode.UNSUPPORTED),
        (500, {"error": {"type": "not_supported_error"}}, FailCode.UNSUPPORTED),
        (501, {}, FailCode.UNSUPPORTED),
        (413, {}, FailCode.TOO_BIG),
        (429, {}, FailCode.BUSY),
        (503, {"error": "model not found"}, FailCode.BUSY),
        (500, {"error": "model runner does not support this"}, FailCode.BACKEND),
        (502, {}, FailCode.BACKEND),
        (302, {}, FailCode.BACKEND),
    ],
)
def test_what_a_refusal_means(status: int, body: Any, code: FailCode) -> None:
    assert fail_code(status, read_fault(body)) is code


def test_a_refusal_names_the_server_the_model_and_the_reason() -> None:
    error = refusal(404, Fault(message="nope"), base="http://h:1", model="m")

    assert error.message == "the model server at http://h:1 has no model 'm' (nope)"
    assert error.status == 404


def test_an_interruption_is_the_backends_failure() -> None:
    assert interruption(Fault(message="boom"), base="b").code is FailCode.BACKEND
    assert (
        interruption(read_fault(LLAMACPP_CONTEXT), base="b").code
        is FailCode.CONTEXT_LENGTH_EXCEEDED
    )


@pytest.mark.parametrize(
    ("place", "shown"),
    [(["body", 0], "body.0"), (7, "7"), ("body", "body"), (None, ""), ({}, "{}")],
)
def test_a_place_of_any_shape_is_shown(place: Any, shown: str) -> None:
    fault = read_fault({"detail": [{"loc": place, "msg": "wrong"}]})

    assert fault.message == f"{shown}: wrong".strip()


@pytest.mark.parametrize("body", [b'{"error":"\xff"}', b'{"error":' * 5000, b"\xff"])
def test_a_body_that_cannot_be_read_is_its_own_message(body: bytes) -> None:
    assert parse_fault(body).message
