from __future__ import annotations

from types import SimpleNamespace

from msgspec.structs import replace

from clubai.client.modes.progress import Progress
from clubai.errors import AuthenticationError, ConnectionLost, TaskRejected
from clubai.model import FailCode, Timings
from clubai.tui.asking import Asking
from clubai.tui.conversation import Conversation, Exchange
from clubai.tui.look import Look
from clubai.tui.telling import (
    MOST_PARTS,
    details,
    dissent_line,
    part_lines,
    source_line,
    state_line,
    tokens_per_second,
    why,
)
from support.talking import NODES, TASK, answer_of, voted

LOOK = Look(ascii=True)


def begun() -> Exchange:
    return Conversation().begin("Q?", now=100.0)


def state(exchange: Exchange, here: float = 103.0) -> str:
    return state_line(exchange, LOOK, here)


def test_one_line_says_where_an_answer_is_from() -> None:
    assert source_line(answer_of("x"), LOOK) == (
        "attic | 50 tokens | 50 tok/s | first token 200 ms | total 1.2 s | "
        "readable by node"
    )


def test_attempts_and_a_cut_answer_are_told() -> None:
    line = source_line(answer_of("x", attempts=3, finish_reason="length"), LOOK)

    assert "after 3 attempts" in line
    assert line.endswith("cut at its longest")


def test_a_speed_that_is_not_known_is_none() -> None:
    whole = answer_of("x", timings=Timings())

    assert tokens_per_second(whole) == 0.0
    assert "| - tok/s |" in source_line(whole, LOOK)


def test_the_state_line_follows_an_exchange() -> None:
    exchange = begun()
    assert state(exchange) == "asking the club | 3 s"
    exchange.wait("queued: all slots are in use", 2)
    assert state(exchange) == "waiting: queued: all slots are in use (place 2) | 3 s"
    exchange.seen = SimpleNamespace(
        task=TASK, node=NODES[0].id, node_name="attic", attempts=2
    )
    assert state(exchange) == "attic | attempt 2 | asked, no word yet | 3 s"
    exchange.grow("Hi")
    assert state(exchange) == "attic | attempt 2 | answering | 3 s"
    exchange.finish(answer_of("Hi"), 104.0)
    assert state(exchange).startswith("attic | 50 tokens")


def test_what_ended_otherwise_says_how_and_what_to_do() -> None:
    failed, stopped = begun(), begun()
    failed.fail("no\x1b node", 1.0)
    stopped.stop(1.0)

    assert state(failed) == "failed: no? node (r asks again)"
    assert state(stopped) == "stopped: its node is free again (r asks again)"


def test_a_divided_job_counts_its_parts() -> None:
    exchange = Conversation().begin("Q", mode="subtasks", now=100.0)
    for number in range(MOST_PARTS + 2):
        exchange.step(
            Progress(
                step=f"part-{number}",
                kind="part",
                state="failed" if number == 1 else "done",
                title="a fruit",
                node="attic",
                error="it broke" if number == 1 else "",
                done=number,
                steps=20,
                tokens=1,
            )
        )

    assert state(exchange) == "13 of 20 parts have ended | 3 s"
    lines = part_lines(exchange, LOOK, 80)
    assert lines[:2] == [
        "part-0 done on attic - a fruit",
        "part-1 failed (it broke) - a fruit",
    ]
    assert lines[-1] == "and 2 more (d shows all)"


def test_dissent_is_told_by_name() -> None:
    assert dissent_line(voted("a", "b", "a", dissent=[1])) == "barn says something else"
    assert dissent_line(voted("a", "a")) == ""


def test_the_details_name_everything() -> None:
    exchange = begun()
    exchange.finish(
        replace(voted("Paris", "Lyon", "Paris", dissent=[1]), note="a\x07note"), 2.0
    )

    text = details(exchange, LOOK)

    for node in NODES:
        assert node.id in text
    for said in (
        "Task         " + TASK,
        "agreed 2 of 3 | quorum",
        "a?note",
        "replica-2",
    ):
        assert said in text


def test_the_details_tell_temperature_and_seed_where_they_were_given() -> None:
    talk = Conversation()
    given = Asking(max_tokens=9, temperature=0.0, seed=12_345_678)
    asked = talk.begin("Q?", now=100.0, asking=given)
    seeded = talk.begin("Q?", now=100.0, asking=Asking(seed=0))

    assert "\nTemperature  0\nSeed         12345678\n" in details(asked, LOOK)
    assert "Temperature" not in details(seeded, LOOK)
    assert "\nSeed         0\n" in details(seeded, LOOK)
    assert "Seed" not in details(begun(), LOOK)


def test_failures_say_what_can_be_done() -> None:
    busy = TaskRejected(FailCode.NO_CAPACITY, "all are busy", retry_after=5)

    assert why(busy) == "all are busy (worth trying again in 5 s)"
    assert "clubai login" in why(AuthenticationError("the key is not known"))
    assert why(ConnectionLost("gone")) == "connection lost: gone"
