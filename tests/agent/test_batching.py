from __future__ import annotations

import anyio
import msgspec
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import given
from hypothesis import strategies as st

from clubai.agent.batching import Flowing, Whole
from clubai.client.answer import text_of
from clubai.protocol.records import FLUSH_BYTES, Choice, decode_choices


def word(text: str, index: int = 0) -> Choice:
    delta = msgspec.Raw(msgspec.json.encode({"content": text}))
    return Choice(index=index, delta=delta)


def steps(pieces: list[bytes]) -> list[Choice]:
    return [choice for piece in pieces for choice in decode_choices(piece)]


async def test_the_first_step_leaves_at_once_and_the_next_ones_wait() -> None:
    sent: list[bytes] = []
    flowing = Flowing(sent.append)

    flowing.add(word("a"))
    flowing.add(word("b"))

    assert steps(sent) == [word("a")]


async def test_a_step_that_only_names_a_role_waits_for_the_first_word() -> None:
    sent: list[bytes] = []
    flowing = Flowing(sent.append)
    role = Choice(delta=msgspec.Raw(b'{"role":"assistant","content":null}'))

    flowing.add(role)
    assert sent == []
    flowing.add(word("a"))

    assert steps(sent) == [role, word("a")]
    assert len(sent) == 1


@pytest.mark.parametrize(
    "delta", [b'{"tool_calls":[{"index":0}]}', b'{"reasoning_content":"hm"}']
)
async def test_tools_and_thoughts_are_a_beginning_too(delta: bytes) -> None:
    sent: list[bytes] = []

    Flowing(sent.append).add(Choice(delta=msgspec.Raw(delta)))

    assert len(sent) == 1


async def test_a_full_record_leaves_before_its_time() -> None:
    sent: list[bytes] = []
    flowing = Flowing(sent.append)
    flowing.add(word("first"))

    flowing.add(word("x" * FLUSH_BYTES))

    assert len(sent) == 2


async def test_what_waits_leaves_by_the_clock() -> None:
    arrived = anyio.Event()
    sent: list[bytes] = []

    def emit(data: bytes) -> None:
        sent.append(data)
        if len(sent) == 2:
            arrived.set()

    flowing = Flowing(emit)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(flowing.run)
        for text in "abc":
            flowing.add(word(text))
        await checkpoint()
        with anyio.fail_after(5):
            await arrived.wait()
        tasks.cancel_scope.cancel()

    assert [text_of(choice) for choice in steps(sent)] == ["a", "b", "c"]
    assert len(sent) == 2


async def test_flush_sends_the_rest_and_then_nothing() -> None:
    sent: list[bytes] = []
    flowing = Flowing(sent.append)
    for text in "abc":
        flowing.add(word(text))

    flowing.flush()
    flowing.flush()

    assert "".join(map(text_of, steps(sent))) == "abc"


@given(st.lists(st.tuples(st.text(max_size=20), st.integers(0, 1)), max_size=20))
def test_a_whole_answer_says_the_same_in_fewer_steps(
    said: list[tuple[str, int]],
) -> None:
    sent: list[bytes] = []
    whole = Whole(sent.append)
    for text, index in said:
        whole.add(word(text, index))
    whole.flush()

    for index in (0, 1):
        expected = "".join(text for text, of in said if of == index)
        got = "".join(text_of(c) for c in steps(sent) if c.index == index)
        assert got == expected
    assert len(steps(sent)) <= len(said)


def test_steps_that_are_not_plain_text_are_kept_as_they_are() -> None:
    tool = Choice(delta=msgspec.Raw(b'{"tool_calls":[{"index":0}]}'))
    end = Choice(delta=msgspec.Raw(b"{}"), finish_reason="stop")
    sent: list[bytes] = []
    whole = Whole(sent.append)
    for choice in (word("a"), word("b"), tool, word("c"), end):
        whole.add(choice)
    whole.flush()

    assert steps(sent) == [word("ab"), tool, word("c"), end]


@pytest.mark.parametrize("letter", ["a", "\u2028", "\U0001f600", '"'])
def test_a_very_long_answer_is_cut_to_fit_records(letter: str) -> None:
    sent: list[bytes] = []
    whole = Whole(sent.append)
    for _ in range(30):
        whole.add(word(letter * 3000))
    whole.flush()

    assert "".join(map(text_of, steps(sent))) == letter * 90_000
