from __future__ import annotations

from clubai.cli.demo_lines import told
from clubai.cli.demo_talk import Exchange
from support.demo_client import answer_of


def test_an_exchange_is_its_question_its_answer_and_its_source() -> None:
    exchange = Exchange("What?", answer=answer_of("That."))

    assert told(exchange) == (
        "\n> What?\nThat.\n(attic, 4 tokens, 300 ms, readable by coordinator and node)"
    )


def test_a_failure_is_told_on_one_line() -> None:
    assert told(Exchange("What?", failure="a\x1bb")) == "\n> What?\nfailed: a?b"
