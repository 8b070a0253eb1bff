"""What can be typed after `:`: where to go, what to do with what is seen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, cast

import anyio.to_thread
from textual.actions import parse
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.fuzzy import Matcher

from clubai.tui import plain
from clubai.tui.export import as_json, as_markdown
from clubai.tui.look import moment
from clubai.tui.recording import Replay
from clubai.tui.saving import save_new
from clubai.tui.screens.base import ClubScreen
from clubai.tui.tables.nodes import node_name
from clubai.tui.widgets.table import LiveTable

if TYPE_CHECKING:
    from clubai.tui.app import Dashboard

TASK_STATES: Final = ("queued", "running", "done", "failed")
MOST_OFFERED: Final = 200
"""Nodes, and models."""


class Command(NamedTuple):
    """One of them."""

    name: str
    does: str
    run: Callable[[], Awaitable[None] | None]


class ClubCommands(Provider):
    """Offers the commands that do something now, for whoever looks."""

    async def discover(self) -> Hits:
        """What is offered before anything is typed: not every node by its name."""
        for command in self.commands():
            if not command.name.startswith(("node ", "model ", "theme ")):
                yield DiscoveryHit(command.name, command.run, help=command.does)

    async def search(self, query: str) -> Hits:
        """What fits what is typed."""
        matcher = self.matcher(query)
        for command in self.commands():
            score = matcher.match(command.name)
            if score > 0:
                yield Hit(
                    score,
                    _highlit(matcher, command.name),
                    command.run,
                    text=command.name,
                    help=command.does,
                )

    def commands(self) -> list[Command]:
        """All of them."""
        board = cast("Dashboard", self.app)
        screen = self.screen
        return [
            *_places(board),
            *(_acts(screen) if isinstance(screen, ClubScreen) else ()),
            *(_exports(board, screen) if isinstance(screen, ClubScreen) else ()),
            *_things(board),
            *_of_the_board(board),
        ]


def _highlit(matcher: Matcher, name: str) -> Content:
    """As `Matcher.highlight`, which would take the names of others for markup."""
    content = Content(name)
    _, places = matcher.fuzzy_search.match(matcher.query, name)
    for place in places:
        if not name[place].isspace():
            content = content.stylize(matcher.match_style, place, place + 1)
    return content


def _places(board: Dashboard) -> Iterator[Command]:
    for number, tab in enumerate(board.tabs, 1):
        name = tab.name.lower()
        yield Command(name, f"Go to {tab.name} ({number})", _go(board, tab.name))
        if name.endswith("tasks"):
            for state in TASK_STATES:
                yield Command(
                    f"{name} {state}",
                    f"Go to {tab.name}, those that are {state}",
                    _go(board, tab.name, typed=f"-l state={state}"),
                )


def _acts(screen: ClubScreen) -> Iterator[Command]:
    for _, binding in screen._bindings:
        _, name, arguments = parse(binding.action)
        if name == "act" and screen.check_action(name, arguments):
            yield Command(
                binding.description.lower(),
                f"{binding.description} what is chosen; asks first",
                partial(_run, screen, binding.action),
            )


async def _run(screen: ClubScreen, action: str) -> None:
    await screen.run_action(action)


def _exports(board: Dashboard, screen: ClubScreen) -> Iterator[Command]:
    table = screen.table()
    if table is None or not table.grid.shown:
        return
    for form, ending in (("JSON", "json"), ("Markdown", "md")):
        yield Command(
            f"export {ending}",
            f"Write the rows that are shown to a file here, as {form}",
            partial(export, board, table, screen.crumb, ending),
        )


async def export(
    board: Dashboard, table: LiveTable[object], name: str, ending: str
) -> None:
    """Write the rows that are shown to a new file in the working folder.

    Only its owner can read it; where its name is taken, a number is added.
    """
    grid = table.grid
    rows = list(grid.shown)
    text = as_markdown(grid, rows) if ending == "md" else as_json(rows)
    at = moment(board.look.now).replace(":", "").replace(" ", "-")
    safe = "".join(c if c.isalnum() else "-" for c in name.lower())[:40]
    stem = f"clubai-{safe}-{at}"
    try:
        path = await anyio.to_thread.run_sync(
            save_new, Path.cwd(), stem, f".{ending}", text + "\n"
        )
    except OSError as error:
        board.notify(
            f"{stem}.{ending}: {error.strerror}",
            title="Not written",
            severity="error",
            markup=False,
        )
    else:
        board.notify(f"{len(rows)} rows in {path.name}", title="Written", markup=False)


def _things(board: Dashboard) -> Iterator[Command]:
    tabs = {tab.name for tab in board.tabs}
    if "Nodes" in tabs:
        for node in list(board.picture.mirror.nodes.values())[:MOST_OFFERED]:
            name = plain.name(node_name(node))
            go = _go(board, "Nodes", key=node.id)
            yield Command(f"node {name}", f"Open this node; it is {node.state}", go)
    if "Models" in tabs:
        for model in board.picture.mirror.models[:MOST_OFFERED]:
            go = _go(board, "Models", key=model.name)
            yield Command(f"model {plain.name(model.name)}", "Open this model", go)


def _of_the_board(board: Dashboard) -> Iterator[Command]:
    paused = "Go on" if board.paused else "Let what is seen stand still"
    yield Command("pause", f"{paused} (P)", board.action_pause)
    if isinstance(board.source, Replay):
        yield Command("again", "Replay from the beginning (R)", board.follow)
    elif not board.picture.connected:
        yield Command("reconnect", "Connect now (R)", board.action_follow_again)
    yield Command("keys", "What the keys do (?)", board.action_keys)
    yield Command("quit", "Leave (q)", board.exit)
    for theme in sorted(board.available_themes):
        yield Command(
            f"theme {theme}", "Use these colours", partial(_set_theme, board, theme)
        )


def _set_theme(board: Dashboard, theme: str) -> None:
    board.theme = theme


def _go(
    board: Dashboard, tab: str, *, typed: str | None = None, key: str = ""
) -> Callable[[], None]:
    def go() -> None:
        board.run_worker(_arrive(board, tab, typed, key), group="go", exclusive=True)

    return go


async def _arrive(board: Dashboard, tab: str, typed: str | None, key: str) -> None:
    await board.go(tab)
    screen = board.screen
    if not isinstance(screen, ClubScreen):
        return
    if typed is not None:
        screen.filter_by(typed)
    table = screen.table()
    if not key or table is None:
        return
    screen.draw()
    if not table.grid.choose(key):
        screen.filter_by("")
        table.grid.choose(key)
    if table.grid.cursor == key:
        table.action_choose()
