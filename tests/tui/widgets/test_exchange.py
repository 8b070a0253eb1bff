from __future__ import annotations

import pytest
from rich.console import Console
from textual.app import App, ComposeResult

from clubai.tui.conversation import Conversation, Exchange
from clubai.tui.look import Look
from clubai.tui.votes import votes_of
from clubai.tui.widgets.exchange import ExchangeView, votes_table
from support.talking import voted

LYON = voted("It is Paris.", "It is Lyon.", "It is Paris.", dissent=[1])


def table_lines(width: int) -> list[str]:
    console = Console(width=width, color_system=None)
    table = votes_table(votes_of(LYON), LYON.text, width)
    with console.capture() as capture:
        console.print(table)
    return [line.rstrip() for line in capture.get().splitlines()]


def test_votes_stand_side_by_side_where_there_is_room() -> None:
    lines = table_lines(100)

    assert lines[0].split()[::2] == ["attic:", "cellar:", "barn:"]
    assert lines[1].endswith("It is [Lyon].")


@pytest.mark.parametrize("width", [56, 76])
def test_votes_stand_under_each_other_where_there_is_none(width: int) -> None:
    lines = table_lines(width)

    assert [line for line in lines if line][::2] == [
        "attic: agrees",
        "cellar: agrees",
        "barn: dissents",
    ]


class One(App[None]):
    def __init__(self, exchange: Exchange) -> None:
        super().__init__()
        self.view = ExchangeView(exchange)

    def compose(self) -> ComposeResult:
        yield self.view


async def test_what_is_not_new_is_not_drawn_again() -> None:
    exchange = Conversation().begin("Q?", now=0.0)
    app = One(exchange)
    async with app.run_test(size=(80, 24)):
        for piece in "abc":
            for _ in range(3):
                app.view.show(Look(), 1.0)
            exchange.grow(piece)
        app.view.show(Look(), 1.0)
        app.view.show(Look(), 2.0)

    assert app.view.updates == 4  # empty, a, ab, abc
