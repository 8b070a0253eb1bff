from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from clubai.tui.logtail import MOST_CHARACTERS, MOST_LINES, LogTail


@pytest.fixture
def tail() -> Iterator[LogTail]:
    logger = logging.getLogger("club.test")
    handler = LogTail()
    logger.addHandler(handler)
    logger.setLevel("DEBUG")
    logger.propagate = False
    yield handler
    logger.removeHandler(handler)
    logger.propagate = True


def test_lines_are_numbered_and_say_who_logged_what(tail: LogTail) -> None:
    logging.getLogger("club.test").warning("node %s is gone", "attic")

    (line,) = tail.lines
    assert line[0] == 1
    assert line[2:] == ("warning", "club.test", "node attic is gone")


def test_what_a_terminal_would_obey_is_taken_out(tail: LogTail) -> None:
    logging.getLogger("club.test").info("\x1b]0;title\x07 two\nlines %s", "x" * 999)

    (line,) = tail.lines
    assert line.text.isprintable()
    assert len(line.text) == MOST_CHARACTERS


def test_only_the_last_lines_are_kept_and_the_numbers_tell_of_the_others(
    tail: LogTail,
) -> None:
    for number in range(MOST_LINES + 5):
        logging.getLogger("club.test").debug("%d", number)

    assert len(tail.lines) == MOST_LINES
    assert (tail.lines[0].number, tail.lines[0].text) == (6, "5")
