"""One question and its answer on the screen."""

from __future__ import annotations

from typing import Final

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from clubai.tui import plain
from clubai.tui.conversation import Exchange
from clubai.tui.look import Look
from clubai.tui.telling import agreement_line, dissent_line, part_lines, state_line
from clubai.tui.votes import Vote, compared, marked, votes_of

LEAST_COLUMN: Final = 28
"""Cells of one vote; where there is less they stand under each other."""


class ExchangeView(Vertical, can_focus=True):
    """Shows an exchange; `show` is cheap when nothing is new."""

    DEFAULT_CSS = """
    ExchangeView {
        height: auto;
        margin: 0 0 1 0;
        padding: 0 0 0 1;
        border-left: outer $background;
    }
    ExchangeView:focus {
        border-left: outer $accent;
    }
    ExchangeView > Static {
        height: auto;
    }
    ExchangeView > .question {
        text-style: bold;
        color: $text-accent;
    }
    ExchangeView > .state, ExchangeView > .more {
        color: $text-muted;
    }
    ExchangeView.-failed > .state {
        color: $text-error;
    }
    ExchangeView.-waiting > .state, ExchangeView.-stopped > .state {
        color: $text-warning;
    }
    .-ascii ExchangeView, .-ascii ExchangeView:focus {
        border-left: ascii $background;
    }
    .-ascii ExchangeView:focus {
        border-left: ascii $accent;
    }
    """

    def __init__(self, exchange: Exchange) -> None:
        super().__init__()
        self.exchange = exchange
        self.updates = 0
        """How often the answer's text was given to the screen."""
        self._shown: tuple[object, ...] = ()
        self._text: str | None = None

    def compose(self) -> ComposeResult:
        """Question, answer, one line about it, and what else there is to it."""
        yield Static(classes="question", markup=False)
        yield Static(classes="answer", markup=False)
        yield Static(classes="state", markup=False)
        yield Static(classes="more", markup=False)
        yield Static(classes="votes", markup=False)

    def on_mount(self) -> None:
        """The question never changes."""
        prompt = Text(f"{self.exchange.number}> ")
        self._part("question").update(
            prompt.append(plain.text(self.exchange.question).strip())
        )
        self._part("votes").display = False
        self._part("more").display = False

    @property
    def behind(self) -> bool:
        """The exchange has gone on, or still does."""
        exchange = self.exchange
        return exchange.under_way or exchange.version not in self._shown[:1]

    def show(self, look: Look, here: float) -> None:
        """Show what the exchange is now; `here` is this machine's time."""
        if not self.is_mounted or not self.query(".question"):
            return
        exchange, width = self.exchange, self.size.width
        second = int(here) if exchange.under_way else 0
        now: tuple[object, ...] = (
            exchange.version,
            second,
            width,
            look.ascii,
            exchange.replaced,
        )
        if exchange.seen is not None:
            now += (exchange.seen.node, exchange.seen.attempts)
        if now == self._shown:
            return
        self._shown = now
        for state in ("failed", "stopped"):
            self.set_class(exchange.state == state, f"-{state}")
        self.set_class(bool(exchange.waiting), "-waiting")
        self._show_text(exchange.text or exchange.provisional)
        self._part("state").update(Text(state_line(exchange, look, here)))
        self._show_more(look, max(width - 2, 20))

    def _show_text(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.updates += 1
            answer = self._part("answer")
            answer.display = bool(text)
            answer.update(Text(plain.text(text)))

    def _show_more(self, look: Look, width: int) -> None:
        exchange, lines = self.exchange, []
        if exchange.provisional:
            lines.append("provisional: other nodes may outvote it")
        answer = exchange.answer
        votes = votes_of(answer) if answer is not None else []
        if answer is not None and answer.agreement is not None:
            lines.append(agreement_line(answer.agreement, look))
            lines.append(dissent_line(answer))
        if not votes:
            lines += part_lines(exchange, look, width)
        if answer is not None and answer.note:
            lines.append(f"note: {plain.name(answer.note, 300)}")
        said = "\n".join(line for line in lines if line)
        more, shown = self._part("more"), self._part("votes")
        more.display, shown.display = bool(said), bool(votes)
        more.update(Text(said))
        if answer is not None and votes:
            shown.update(votes_table(votes, answer.text, width))

    def _part(self, name: str) -> Static:
        return self.query_one(f".{name}", Static)


def votes_table(votes: list[Vote], answer: str, width: int) -> Table:
    """The votes in columns where there is room, else under each other.

    Words that differ from the answer that is given stand in brackets.
    """
    columns = max(min(width // LEAST_COLUMN, len(votes)), 1)
    if columns < len(votes) and columns > 1 and len(votes) <= 3:
        columns = 1  # all side by side, or all stacked: no ragged rest
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    for _ in range(columns):
        table.add_column(ratio=1, overflow="fold")
    cells = [_vote(vote, answer) for vote in votes]
    for start in range(0, len(cells), columns):
        row = cells[start : start + columns]
        table.add_row(*row, *(Text() for _ in range(columns - len(row))))
    return table


def _vote(vote: Vote, answer: str) -> Text:
    text = Text(f"{vote.name}: {vote.verdict}\n", style="bold")
    for piece in marked(compared(answer, vote.text)):
        text.append(piece.text, style="underline" if piece.differs else "not bold")
    return text.append("\n")
