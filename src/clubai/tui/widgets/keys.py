"""What the keys do: those of a screen, of the widget that has the focus, of all."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import dedent
from typing import Any, ClassVar

from textual.actions import parse
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widgets import Markdown, Static

from clubai.tui.widgets.modal import Modal


class KeysScreen(Modal[None]):
    """Tells about another screen; the same key closes it, or Esc."""

    DEFAULT_CSS = """
    KeysScreen {
        align: center middle;
    }
    KeysScreen > VerticalScroll {
        width: 76;
        max-width: 96%;
        max-height: 90%;
        height: auto;
        padding: 0 2;
        border: round $primary;
        background: $surface;
    }
    KeysScreen Markdown {
        height: auto;
        margin: 0;
        padding: 1 0 0 0;
        background: $surface;
    }
    .-ascii KeysScreen > VerticalScroll {
        border: ascii $primary;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,f1,q", "close", "Close"),
        Binding("down,j", "scroll(1)", "Down", show=False),
        Binding("up,k", "scroll(-1)", "Up", show=False),
    ]

    def __init__(self, of: Screen[Any]) -> None:
        super().__init__()
        self._of = of

    def compose(self) -> ComposeResult:
        """The screen's own words first, then its keys."""
        with VerticalScroll():
            if self._of.HELP:
                yield Markdown(dedent(self._of.HELP), open_links=False)
            yield Static(self._keys(), id="keys", markup=False)

    def action_close(self) -> None:
        """Go back."""
        self.dismiss()

    def action_scroll(self, step: int) -> None:
        """Show more of them."""
        for text in self.query(VerticalScroll):
            text.scroll_relative(y=step, animate=False)

    def _keys(self) -> Content:
        screen, focused = self._of, self._of.focused
        parts = [("This screen", bindings_of(screen))]
        if focused is not None and (keys := bindings_of(focused)):
            parts.append((type(focused).__name__.replace("LiveTable", "Table"), keys))
        parts.append(("Everywhere", bindings_of(self.app)))
        pieces: list[tuple[str, str]] = []
        for head, lines in parts:
            pieces.append((f"\n{head}\n", "bold"))
            pieces += [(f"  {keys:<14} {what}\n", "") for keys, what in lines]
        return Content.assemble(*pieces)


def bindings_of(node: DOMNode) -> list[tuple[str, str]]:
    """The keys of a screen or widget that do something now, and what they do."""
    said: dict[str, list[str]] = {}
    theirs = _inherited(node)
    for key, binding in node._bindings:
        if binding.system or not binding.description or (key, binding) in theirs:
            continue
        if not _usable(node, binding):
            continue
        said.setdefault(binding.description, []).append(
            binding.key_display or node.app.get_key_display(binding)
        )
    return [(" ".join(_once(keys)), what) for what, keys in said.items()]


def _inherited(node: DOMNode) -> list[tuple[str, Binding]]:
    """What a screen or widget of ours has of Textual: moving the focus, scrolling."""
    if type(node).__module__.startswith("textual."):
        return []
    base = next(
        kind for kind in type(node).__mro__ if kind.__module__.startswith("textual.")
    )
    return list(getattr(base, "_merged_bindings", None) or ())


def _usable(node: DOMNode, binding: Binding) -> bool:
    _, name, arguments = parse(binding.action)
    return node.check_action(name, arguments) is not False


def _once(keys: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(keys))
