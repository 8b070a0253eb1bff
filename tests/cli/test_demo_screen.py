"""The parts that need no terminal; test_demo.py runs the whole on one."""

from __future__ import annotations

from typing import cast

import pytest
from rich.console import Console

from clubai.cli.demo_screen import Screen, exchange_text
from clubai.cli.demo_talk import Exchange
from clubai.club import Club
from support.demo_client import FakeClient, answer_of


class FakeClub:
    openai_url = "http://127.0.0.1:1/v1"
    api_key = "cak_x"


def screen() -> Screen:
    return Screen(cast("Club", FakeClub()), FakeClient(["Hello."]).client)


def test_an_answer_under_way_has_no_source_yet() -> None:
    text = exchange_text(Exchange("What?", text="So f")).plain

    assert text == "> What?\nSo f"


def test_a_whole_answer_has_its_source() -> None:
    exchange = Exchange("What?", text="That.", answer=answer_of("That."))

    assert exchange_text(exchange).plain.splitlines() == [
        "> What?",
        "That.",
        "attic · 4 tokens · 300 ms · readable by coordinator and node",
    ]


def test_a_failure_is_shown() -> None:
    text = exchange_text(Exchange("What?", failure="all nodes are busy")).plain

    assert text.splitlines()[-1] == "failed: all nodes are busy"


async def test_a_frame_shows_the_address_the_answers_and_the_keys() -> None:
    showing = screen()
    await showing.talk.ask("Anybody?")
    console = Console(width=100)

    with console.capture() as capture:
        console.print(showing.frame(height=40))

    text = capture.get()
    assert FakeClub.openai_url in text
    assert FakeClub.api_key in text
    for words in ("Anybody?", "Hello.", "q quits"):
        assert words in text


def test_a_question_being_typed_is_shown_as_it_is() -> None:
    showing = screen()
    list(showing.keys.press(b"a"))
    list(showing.keys.press(b"[red]why"))
    console = Console(width=100)

    with console.capture() as capture:
        console.print(showing.frame(height=40))

    assert "your question: [red]why" in capture.get()


@pytest.mark.parametrize("height", [10, 24, 40, 100])
async def test_the_newest_answer_and_the_keys_fit_any_height(height: int) -> None:
    showing = screen()
    for number in range(6):
        await showing.talk.ask(f"Question {number}?")
    console = Console(width=100)

    with console.capture() as capture:
        console.print(showing.frame(height=height))

    lines = capture.get().splitlines()
    assert "q quits" in lines[2]
    assert "Question 5?" in capture.get()
    assert len(lines) <= max(height, 12)
