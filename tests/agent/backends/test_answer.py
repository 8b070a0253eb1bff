"""The pure half of an answer: `test_openai.py` runs it behind every server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.agent.backends.answer import Answer, estimate_prompt, read_usage
from clubai.errors import BackendError
from clubai.model import FailCode
from clubai.protocol.records import decode_choices, encode_choice


def answer(kind: Any = "chat", **body: Any) -> Answer:
    return Answer(kind, body, "http://server")


def chunk(*rows: dict[str, Any], usage: Any = None) -> bytes:
    return json.dumps({"choices": rows, "usage": usage}).encode()


def usage(prompt: int, completion: int) -> dict[str, int]:
    total = prompt + completion
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": total,
    }


def end_code(one: Answer) -> FailCode:
    with pytest.raises(BackendError) as caught:
        one.end()
    return caught.value.code


@given(
    words=st.lists(
        st.tuples(st.integers(0, 2), st.text(min_size=1, max_size=5)), min_size=1
    ),
    finished=st.sets(st.integers(0, 2)),
)
def test_an_answer_is_whole_when_every_choice_that_began_finished(
    words: list[tuple[int, str]], finished: set[int]
) -> None:
    one = answer()
    for index, word in words:
        (step,) = one.feed(chunk({"index": index, "delta": {"content": word}}))
        assert decode_choices(encode_choice(step)) == [step]
    begun = {index for index, _ in words}
    for index in sorted(finished & begun):
        one.feed(chunk({"index": index, "delta": {}, "finish_reason": "stop"}))

    assert one.complete == (begun <= finished)
    if begun <= finished:
        assert one.end().completion_tokens == len(words)
    else:
        assert end_code(one) is FailCode.TRUNCATED


def test_each_choices_usage_is_added_up() -> None:
    one = answer(n=2)
    for index in (0, 1):
        one.feed(chunk({"index": index, "delta": {"content": "a"}}))
        one.feed(chunk({"index": index, "delta": {}, "finish_reason": "stop"}))
        one.feed(chunk(usage=usage(27, 3)))

    report = one.end()

    assert (report.prompt_tokens, report.completion_tokens) == (27, 6)


def test_a_list_of_prompts_adds_its_prompts_up() -> None:
    one = answer("completion", prompt=["a", "b"])
    for index, prompt in ((0, 2), (1, 1)):
        row = {"index": index, "text": "x", "finish_reason": "length"}
        one.feed(chunk(row, usage=usage(prompt, 2)))

    report = one.end()

    assert (report.prompt_tokens, report.completion_tokens) == (3, 4)


def test_one_usage_for_several_choices_is_the_whole() -> None:
    one = answer(n=2)
    for index in (0, 1):
        row = {"index": index, "delta": {"content": "a"}, "finish_reason": "stop"}
        one.feed(chunk(row))
    one.feed(chunk(usage=usage(5, 9)))

    assert one.end().completion_tokens == 9


def test_a_running_usage_counts_once() -> None:
    one = answer()
    for number in (1, 2, 3):
        row = {"index": 0, "delta": {"content": "a"}}
        one.feed(chunk(row, usage=usage(5, number)))
    row = {"index": 0, "delta": {}, "finish_reason": "stop"}
    one.feed(chunk(row, usage=usage(5, 3)))

    assert one.end().completion_tokens == 3


def test_a_usage_is_passed_on_whole() -> None:
    raw = b'{"prompt_tokens":1,"completion_tokens":2,"details":{"cached":1}}'
    report = read_usage(raw)

    assert report is not None
    assert bytes(report.raw) == raw


@pytest.mark.parametrize("raw", [b"", b"3", b"{}", b'{"prompt_tokens":"x"}', b"{"])
def test_what_is_no_usage_is_none(raw: bytes) -> None:
    assert read_usage(raw) is None


def test_log_probabilities_pass() -> None:
    given_ = {"content": [{"token": "a", "logprob": -0.5}]}
    row = {"index": 0, "delta": {"content": "a"}, "logprobs": given_}
    (step,) = answer().feed(chunk(row))

    assert json.loads(bytes(step.logprobs)) == given_


def test_null_log_probabilities_are_left_out() -> None:
    row = {"index": 0, "delta": {"content": "a"}, "logprobs": None}
    (step,) = answer().feed(chunk(row))

    assert b"logprobs" not in encode_choice(step)


def test_an_empty_finish_reason_is_none() -> None:
    row = {"index": 0, "delta": {"content": "a"}, "finish_reason": ""}
    one = answer()
    (step,) = one.feed(chunk(row))

    assert step.finish_reason is None
    assert end_code(one) is FailCode.TRUNCATED


def test_tokens_without_text_are_an_answer() -> None:
    one = answer()
    row = {"index": 0, "delta": {}, "finish_reason": "stop"}
    one.feed(chunk(row, usage=usage(4, 1)))

    assert one.end().completion_tokens == 1


def test_a_usage_without_any_choice_is_empty() -> None:
    one = answer()
    one.feed(chunk(usage=usage(36000, 12)))

    assert end_code(one) is FailCode.EMPTY


def test_a_null_error_is_none() -> None:
    row = {"index": 0, "delta": {"content": "a"}}

    assert answer().feed(json.dumps({"choices": [row], "error": None}).encode())


@pytest.mark.parametrize(
    ("kind", "body", "tokens"),
    [
        ("chat", {"messages": []}, 0),
        ("chat", {"messages": [{"role": "user", "content": "12345"}]}, 2),
        (
            "chat",
            {"messages": [{"content": [{"type": "text", "text": "1234"}, {"x": 1}]}]},
            1,
        ),
        ("chat", {"messages": "nonsense"}, 2),
        ("chat", {}, 0),
        ("completion", {"prompt": "1234"}, 1),
        ("completion", {"prompt": ["1234", "5678"]}, 2),
        ("embedding", {"input": [1, 2, 3]}, 3),
    ],
)
def test_a_prompt_is_estimated(kind: Any, body: dict[str, Any], tokens: int) -> None:
    assert estimate_prompt(kind, body) == tokens
