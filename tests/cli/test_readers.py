from __future__ import annotations

from typing import get_args

import click
import pytest

from clubai.cli import clubai
from clubai.cli.readers import READERS
from clubai.model import ReadableBy


def test_all_who_may_read_are_named_in_words() -> None:
    assert set(READERS) == set(get_args(ReadableBy))


def test_the_words_say_whether_the_coordinator_can() -> None:
    assert READERS["coordinator and node"].startswith("the coordinator, and")
    assert READERS["node"].endswith("not the coordinator")


@pytest.mark.parametrize("name", ["ask", "gateway", "up", "demo"])
def test_a_command_that_asks_says_in_its_help_who_can_read(name: str) -> None:
    assert isinstance(clubai, click.Group)
    command = clubai.get_command(click.Context(clubai), name)

    assert command is not None
    assert "Who can read" in (command.help or "")
