"""Ask the club, and see who answers."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.timer import Timer
from textual.widgets import Static

from clubai.model import Mode, ModelSnapshot
from clubai.tui.conversation import (
    MODES,
    MOST_AT_ONCE,
    Conversation,
    Exchange,
    as_markdown,
    exchange_markdown,
)
from clubai.tui.look import Look
from clubai.tui.questions import Questions
from clubai.tui.saving import save_new
from clubai.tui.screens.base import ClubScreen
from clubai.tui.screens.exchange import ExchangeScreen
from clubai.tui.telling import details
from clubai.tui.widgets.exchange import ExchangeView
from clubai.tui.widgets.how import HowLine, model_choices, model_told
from clubai.tui.widgets.picker import Picker
from clubai.tui.widgets.question import QuestionLine
from clubai.tui.words import Notice

MOST_SHOWN: Final = 50
"""Exchanges; older ones are in what is copied and saved."""
GROWS_S: Final = 0.1
"""Between two redraws of an answer that comes."""
_FULL: Final = (
    f"{MOST_AT_ONCE} questions are under way: wait for one, or stop one with ctrl+x."
)
_READ_ONLY: Final = (
    "READ-ONLY: nothing is asked from here. Start without --readonly to ask."
)
_REPLAY: Final = Notice(
    "Nobody can be asked", "This is a replay: there is no club behind it."
)
_EMPTY: Final = (
    "Ask something. Who can read it: you, and the node that answers.\n\n"
    "Enter asks, Esc leaves the line; then ? shows all keys."
)


class PlaygroundScreen(ClubScreen):
    """Questions and answers, one under the other."""

    crumb = "Playground"
    HELP = """Ask the club, and see which node answers, how fast, and who can read it.

Enter asks. `ctrl+j` begins a new line, Up and Down go through earlier questions, and a
paste keeps its lines. Esc leaves the line: then the number keys go to other screens,
and `a` or Enter comes back. `j` and `k` choose an exchange; keys that are for one are
for the last one when none is chosen. Up to 4 questions run at once. The last 50
exchanges are shown; `Y` and `s` copy and save all of them.

In the modes *single* and *consensus* the exchanges that ended well go along as
messages: the last ones that fit the smallest context that a node offers for the model,
less what is kept for the answer. *subtasks* and *context* send the question alone."""
    DEFAULT_CSS = """
    #talk {
        height: 1fr;
        scrollbar-size-vertical: 1;
    }
    PlaygroundScreen.-ascii #talk {
        scrollbar-size-vertical: 0;
    }
    #talk-empty, #asking-off {
        height: auto;
        color: $text-muted;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "write", "Ask"),
        Binding("enter", "enter", "Ask, or details", show=False),
        Binding("m", "model", "Model"),
        Binding("ctrl+t", "mode", "Mode", priority=True),
        Binding("y", "yank", "Copy answer"),
        Binding("Y", "yank_all", "Copy all as Markdown", show=False),
        Binding("r", "again", "Again"),
        Binding("s", "save", "Save"),
        Binding("d", "details", "Details"),
        Binding("j", "choose(1)", "Next exchange", show=False),
        Binding("k", "choose(-1)", "Exchange before", show=False),
        Binding("space", "sample", "Prepared question"),
        Binding("ctrl+x", "stop", "Stop", priority=True),
        Binding("ctrl+n", "new", "New", priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.model = ""
        """What the next question asks for; empty: any."""
        self.mode: Mode = "single"
        self._questions = Questions(
            lambda: self.board.source,
            lambda running: self.run_worker(running, group="asking"),
        )
        self._views: dict[Exchange, ExchangeView] = {}
        self._samples: cycle[str] = cycle(())
        self._timer: Timer | None = None
        self._began = False

    @property
    def talk(self) -> Conversation:
        """What was asked."""
        return self.board.conversation

    def body(self) -> ComposeResult:
        """How it is asked, what was, and the line for the next question."""
        yield HowLine()
        with VerticalScroll(id="talk"):
            yield Static(_EMPTY, id="talk-empty", markup=False)
        yield Static(_READ_ONLY, id="asking-off", markup=False)
        yield QuestionLine(id="question")

    def on_mount(self) -> None:
        """Answers grow on a clock of their own, which runs while there are any."""
        self.set_class(self.board.look.ascii, "-ascii")
        self._samples = cycle(self.board.asking.samples)
        self._timer = self.set_interval(GROWS_S, self._grow, pause=True)
        self.query_one("#talk", VerticalScroll).anchor()

    def on_unmount(self) -> None:
        """Hang up."""
        self._questions.close()

    def fill(self, look: Look) -> Notice | None:
        """Show how it is asked, and all exchanges."""
        if self.board.source.mode == "replay":
            return _REPLAY
        if self.board.wanted_model:
            self.model, self.board.wanted_model = self.board.wanted_model, ""
        if self.board.wanted_mode is not None:
            self.mode, self.board.wanted_mode = self.board.wanted_mode, None
        self._fill_how(look)
        can_ask = self.board.can_act
        line = self.query_one("#question", QuestionLine)
        line.display = can_ask
        self.query_one("#asking-off").display = not can_ask
        self._fill_talk(look)
        if not self._began:
            self._began = True
            self.call_after_refresh((line if can_ask else self._scroll).focus)
        return None

    @property
    def _scroll(self) -> VerticalScroll:
        return self.query_one("#talk", VerticalScroll)

    def _fill_how(self, look: Look) -> None:
        model = model_told(self.model, self._models(), look)
        self.query_one(HowLine).show(model, self.mode, len(self.talk.running))

    def _fill_talk(self, look: Look, *, only_new: bool = False) -> None:
        here = self.board.source.clock()
        self.query_one("#talk-empty").display = not self.talk.exchanges
        shown = self.talk.exchanges[-MOST_SHOWN:]
        for exchange in [old for old in self._views if old not in shown]:
            self._views.pop(exchange).remove()
        for exchange in shown:
            view = self._views.get(exchange)
            if view is None:
                view = self._views[exchange] = ExchangeView(exchange)
                self._scroll.mount(view)
                self.call_after_refresh(view.show, look, here)
            elif not only_new or view.behind:
                view.show(look, here)

    def _grow(self) -> None:
        """Show what came, at most ten times a second."""
        if self.board.screen is self:
            self._fill_talk(self.board.look, only_new=True)
            self._fill_how(self.board.look)
        if not self.talk.running and self._timer is not None:
            self._timer.pause()

    def on_question_line_asked(self, event: QuestionLine.Asked) -> None:
        """Ask what was typed; what cannot be asked now stays in the line."""
        if event.text.strip() and self._may_ask():
            question = self.query_one("#question", QuestionLine).take()
            self._ask(question)

    def _may_ask(self) -> bool:
        if not self.board.can_act:
            replay = self.board.source.mode == "replay"
            self.notify(_REPLAY.text if replay else _READ_ONLY, severity="warning")
            return False
        if self.talk.full:
            self.notify(_FULL, severity="warning")
            return False
        return True

    def _ask(self, question: str) -> None:
        self._questions.ask(
            self.talk,
            question,
            model=self.model,
            mode=self.mode,
            asking=self.board.asking,
            nodes=self.picture.mirror.nodes.values(),
        )
        self._show_new()

    def _show_new(self) -> None:
        self._scroll.anchor()
        if self._timer is not None:
            self._timer.resume()
        self.board.flush(force=True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys are there where they do something."""
        if action == "filter":
            return False
        if action == "sample":
            return bool(self.board.asking.samples) and self.board.can_act
        if action == "stop":
            return bool(self.talk.running)
        if action in ("write", "again", "mode", "model"):
            return self.board.can_act
        return super().check_action(action, parameters)

    def action_back(self) -> None:
        """Leave the line, or the exchange that is chosen."""
        if isinstance(self.focused, QuestionLine | ExchangeView):
            self._scroll.focus()
        else:
            super().action_back()

    def action_write(self) -> None:
        """Go to the line."""
        self.query_one("#question").focus()

    def action_enter(self) -> None:
        """Open the exchange that is chosen; without one, go to the line."""
        if isinstance(self.focused, ExchangeView):
            self.action_details()
        elif self.board.can_act:
            self.action_write()

    def action_choose(self, step: int) -> None:
        """Choose another exchange."""
        views = list(self._views.values())
        if not views:
            return
        chosen = self.focused
        if isinstance(chosen, ExchangeView) and chosen in views:
            index = min(max(views.index(chosen) + step, 0), len(views) - 1)
        else:
            index = 0 if step > 0 else len(views) - 1
        views[index].focus()

    def action_mode(self) -> None:
        """Divide the next question in another way."""
        self.mode = MODES[(MODES.index(self.mode) + 1) % len(MODES)]
        self._fill_how(self.board.look)

    def action_model(self) -> None:
        """Choose the model of the next question."""
        choices = model_choices(self._models(), self.board.look)
        self.app.push_screen(
            Picker("Ask which model?", choices, self.model), self._picked
        )

    def _picked(self, chosen: str | None) -> None:
        if chosen is not None:
            self.model = chosen
            self.board.flush(force=True)

    def on_how_line_asked(self, event: HowLine.Asked) -> None:
        """The model and the mode are chosen by the mouse, too."""
        if self.board.can_act:
            self.action_model() if event.choice == "model" else self.action_mode()

    def action_sample(self) -> None:
        """Ask the next prepared question."""
        if self._may_ask():
            self._ask(next(self._samples))

    def action_again(self) -> None:
        """Ask the same again, after the same messages."""
        old = self._chosen()
        if old is None:
            return
        if old.under_way:
            self.notify("It is still being answered; ctrl+x stops it.", timeout=3)
        elif self._may_ask():
            self._questions.ask_again(self.talk, old)
            self._show_new()

    def action_stop(self) -> None:
        """Stop the chosen answer, or the newest that is under way."""
        chosen = self._chosen()
        if chosen is None or not chosen.under_way:
            chosen = next(iter(reversed(self.talk.running)), None)
        if chosen is not None:
            self._questions.stop(chosen)
            self.board.flush(force=True)

    def action_new(self) -> None:
        """Put this conversation away, and begin another."""
        for exchange in self.talk.running:
            self._questions.stop(exchange)
        self.board.conversation = Conversation()
        for view in self._views.values():
            view.remove()
        self._views.clear()
        self.board.flush(force=True)
        self.action_enter()

    def action_details(self) -> None:
        """Show all that is known of the chosen exchange."""
        if (chosen := self._chosen()) is not None:
            self.app.push_screen(ExchangeScreen(chosen))

    def action_yank(self) -> None:
        """Copy the answer."""
        chosen = self._chosen()
        if chosen is not None and chosen.text:
            self.board.copy(chosen.text, f"answer {chosen.number}")
        else:
            self.notify("There is no answer to copy yet.", timeout=2)

    def action_yank_all(self) -> None:
        """Copy the whole conversation."""
        if self._chosen() is not None:
            self.board.copy(
                as_markdown(self.talk.exchanges), "the conversation as Markdown"
            )

    def action_copy(self, form: str) -> None:
        """Copy what is known of the chosen exchange, or the exchange as Markdown."""
        if (chosen := self._chosen()) is None:
            return
        if form == "markdown":
            self.board.copy(exchange_markdown(chosen), "the exchange as Markdown")
        else:
            self.board.copy(details(chosen, self.board.look), "the details")

    def action_save(self) -> None:
        """Write the conversation into a new file of the working directory."""
        if self._chosen() is None:
            return
        now = datetime.fromtimestamp(self.board.source.clock(), UTC)
        stem = f"clubai-chat-{now:%Y%m%d-%H%M%S}"
        text = as_markdown(self.talk.exchanges)
        try:
            path = save_new(Path.cwd(), stem, ".md", text)
        except OSError as error:
            reason = error.strerror or str(error)
            self.notify(f"Not saved: {reason}", severity="error", markup=False)
        else:
            self.notify(f"Saved as {path.name}", markup=False)

    def _chosen(self) -> Exchange | None:
        """The exchange that keys are for."""
        if isinstance(self.focused, ExchangeView):
            return self.focused.exchange
        if not self.talk.exchanges:
            self.notify("Nothing was asked yet.", timeout=2)
            return None
        return self.talk.exchanges[-1]

    def _models(self) -> list[ModelSnapshot]:
        return [model for model in self.picture.mirror.models if "chat" in model.kinds]
