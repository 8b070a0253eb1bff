from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.client.modes.progress import Progress
from clubai.splitting import estimate_tokens
from clubai.tui.asking import Asking
from clubai.tui.conversation import (
    AROUND_A_MESSAGE,
    MOST_AT_ONCE,
    UNKNOWN_CONTEXT,
    Conversation,
    Exchange,
    as_markdown,
    room_for_messages,
)
from support.dashboard import node
from support.talking import TASK, answer_of, voted

ROOM = 10_000


def asked(talk: Conversation, question: str, answer: str | None = None) -> Exchange:
    exchange = talk.begin(question, now=10.0)
    if answer is not None:
        exchange.finish(answer_of(answer), 12.0)
    return exchange


def contents(messages: list[dict[str, str]]) -> list[str]:
    return [message["content"] for message in messages]


def test_an_exchange_goes_from_asking_to_its_answer() -> None:
    exchange = asked(Conversation(), "Q")
    assert (exchange.state, exchange.under_way) == ("asking", True)

    exchange.wait("queued: all slots are in use", 3)
    assert exchange.waiting == "queued: all slots are in use (place 3)"
    exchange.grow("Par")
    exchange.grow("is")
    assert (exchange.text, exchange.waiting) == ("Paris", "")

    exchange.finish(answer_of("Paris"), 12.0)

    assert (exchange.state, exchange.ended_at, exchange.task) == ("done", 12.0, TASK)
    assert not exchange.under_way


def test_whatever_comes_after_the_end_changes_nothing() -> None:
    exchange = asked(Conversation(), "Q")
    exchange.stop(11.0)
    exchange.fail("too late", 12.0)

    assert (exchange.state, exchange.ended_at) == ("stopped", 11.0)


def test_every_change_gives_another_version() -> None:
    exchange = asked(Conversation(), "Q")
    seen = [exchange.version]
    for change in (
        lambda: exchange.wait("w"),
        lambda: exchange.grow("x"),
        lambda: exchange.step(step_of("asked")),
        lambda: exchange.fail("f", 1.0),
    ):
        change()
        seen.append(exchange.version)

    assert seen == sorted(set(seen))


def step_of(state: str, **fields: object) -> Progress:
    given: dict[str, object] = {
        "step": "part-1",
        "kind": "part",
        "state": state,
        "done": 0,
        "steps": 2,
        "tokens": 0,
    }
    return Progress(**{**given, **fields})  # type: ignore[arg-type]


def test_parts_are_kept_by_their_step_with_node_and_state() -> None:
    exchange = asked(Conversation(), "Q")
    exchange.step(step_of("asked", title="a fruit"))
    exchange.step(step_of("done", node="attic", done=1))

    (part,) = exchange.parts.values()
    assert (part.state, part.node, part.title) == ("done", "attic", "a fruit")
    assert exchange.steps == (1, 2)


def test_a_provisional_text_is_no_answer() -> None:
    exchange = asked(Conversation(), "Q")
    exchange.step(step_of("asked", provisional="Pa"))
    exchange.step(step_of("asked", provisional="ris"))
    assert (exchange.provisional, exchange.text) == ("Paris", "")

    exchange.finish(voted("Paris", "Paris"), 12.0)

    assert (exchange.provisional, exchange.text) == ("", "Paris")


def test_only_what_ended_well_is_sent_along() -> None:
    talk = Conversation()
    asked(talk, "first", "one")
    asked(talk, "failing").fail("no", 11.0)
    asked(talk, "stopped").stop(11.0)
    asked(talk, "running").grow("so far")
    asked(talk, "last", "two")

    messages = talk.earlier("now", room=ROOM)

    assert contents(messages) == ["first", "one", "last", "two"]
    assert [message["role"] for message in messages] == ["user", "assistant"] * 2


def test_what_was_asked_again_is_sent_once_and_in_its_old_place() -> None:
    talk = Conversation()
    old = asked(talk, "first", "bad")
    asked(talk, "second", "two")
    new = talk.begin("first", now=20.0, earlier=old.earlier, again=old)
    assert contents(talk.earlier("x", room=ROOM)) == ["first", "bad", "second", "two"]

    new.finish(answer_of("good"), 21.0)

    assert contents(talk.earlier("x", room=ROOM)) == ["first", "good", "second", "two"]


@given(
    answers=st.lists(st.text("ab c", min_size=1, max_size=200), max_size=8),
    room=st.integers(0, 400),
)
def test_the_last_exchanges_that_fit_are_sent(answers: list[str], room: int) -> None:
    talk = Conversation()
    for answer in answers:
        asked(talk, "why?", answer)

    sent = talk.earlier("next?", room=room)

    size = sum(estimate_tokens(m["content"]) + AROUND_A_MESSAGE for m in sent)
    assert not sent or size + estimate_tokens("next?") <= room
    count = len(sent) // 2
    assert contents(sent)[1::2] == answers[len(answers) - count :]


def test_so_many_run_at_once() -> None:
    talk = Conversation()
    for number in range(MOST_AT_ONCE):
        assert not talk.full
        asked(talk, f"q{number}")
    assert talk.full

    talk.exchanges[0].stop(11.0)

    assert not talk.full


def test_an_exchange_is_found_by_its_task_and_by_those_of_its_parts() -> None:
    talk = Conversation()
    alone = asked(talk, "a", "x")
    divided = talk.begin("b", now=1.0)
    divided.finish(voted("x", "y", task="f" * 32), 2.0)
    running = talk.begin("c", now=1.0)
    running.seen = SimpleNamespace(task="e" * 32, node="", node_name="", attempts=1)

    assert talk.of_task(TASK) is alone
    assert talk.of_task(f"{1:032x}") is divided
    assert talk.of_task("e" * 32) is running
    assert talk.of_task("none") is None


@pytest.mark.parametrize(
    ("model", "max_tokens", "room"),
    [
        ("qwen3-8b", None, 32_768 - 32_768 // 4 - AROUND_A_MESSAGE),
        ("", 80, 2048 - 80 - AROUND_A_MESSAGE),
        ("nobody-has-it", 48, UNKNOWN_CONTEXT - 48 - AROUND_A_MESSAGE),
    ],
)
def test_the_smallest_context_that_may_answer_is_what_there_is(
    model: str, max_tokens: int | None, room: int
) -> None:
    nodes = [node(0), node(1)]

    found = room_for_messages(nodes, model, Asking(max_tokens=max_tokens))

    assert found == room


def test_a_conversation_is_kept_as_markdown() -> None:
    talk = Conversation()
    asked(talk, "Capital?", "Paris\x1b[31m")
    asked(talk, "Why?").fail("no node", 11.0)
    asked(talk, "Vote?").finish(voted("a", "a"), 12.0)
    asked(talk, "Now?")

    text = as_markdown(talk.exchanges)

    assert "## Question 1\n\nCapital?\n\n### Answer\n\nParis[31m\n" in text
    assert "_attic, qwen3-8b, mode single, 50 tokens in 1.2 s, readable by node" in text
    assert "_failed: no node_" in text
    assert "_2 of 2 agree: a quorum_" in text
    assert text.endswith("_asking_\n")
