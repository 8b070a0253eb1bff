from __future__ import annotations

import msgspec
import pytest

from clubai.client.answer import chat_body, text_of
from clubai.protocol.records import Choice


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        (Choice(delta=msgspec.Raw(b'{"content":"hi"}')), "hi"),
        (Choice(delta=msgspec.Raw(b'{"role":"assistant","content":null}')), ""),
        (Choice(delta=msgspec.Raw(b'{"tool_calls":[]}')), ""),
        (Choice(text="completed"), "completed"),
        (Choice(finish_reason="stop"), ""),
    ],
)
def test_the_text_that_a_step_adds(choice: Choice, text: str) -> None:
    assert text_of(choice) == text


def test_a_prompt_becomes_a_chat() -> None:
    body = chat_body("Q", system="", options={"temperature": 0, "seed": None})

    assert body == {
        "messages": [{"role": "user", "content": "Q"}],
        "temperature": 0,
    }


def test_whole_messages_are_kept_behind_the_system_text() -> None:
    said = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]

    body = chat_body(said, system="S", options={})

    assert body["messages"] == [{"role": "system", "content": "S"}, *said]
    assert len(said) == 2
