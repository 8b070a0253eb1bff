"""The cards of the owner's view: what each says, and how they stand together. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.cells import cell_len

from clubai.model import ModelOffer, NodeSnapshot
from clubai.tui import plain
from clubai.tui.look import Cell, Look, Tone, ago, count, rate
from clubai.tui.own_points import OwnPoints
from clubai.tui.owner_words import ClubState, state_of
from clubai.tui.tables.own import signed

if TYPE_CHECKING:
    from clubai.agent.view import AgentSnapshot, WorkCounts

Line = tuple[Cell, ...]
INDENT: Final = 2
"""Of the lines below the one with the title."""
MOST_WRAPPED: Final = 4
"""Lines of one text."""
MOST_TEXT: Final = 300
GAP: Final = 2
SHOWN_CHANGES: Final = 8
_WORD: Final = re.compile(r"`[^`]*`\S*|\S+")
"""A command in backticks is one."""


class Card(NamedTuple):
    """One card; its first lines are those that matter most."""

    title: str
    lines: tuple[Line, ...]
    shortened: int = 0
    """So many of the last lines are shortened where they do not fit; others go on
    below."""


class _Row(NamedTuple):
    """One line of the screen."""

    cells: Line
    goes_on: bool = False
    """The rest of it stands on the next one."""


def backend_card(agent: AgentSnapshot, look: Look, *, silent_since: float) -> Card:
    """The model server; `silent_since`: since when it does not answer, 0: it does."""
    backend = agent.backend
    looked = look.age(backend.looked_at)
    if backend.answers:
        how = Cell(f"{look.dot(True)} answers ({looked} ago)", "good")
    else:
        since = look.age(silent_since or backend.looked_at)
        how = Cell(f"{look.dot(False)} NO ANSWER for {since}", "bad")
    kind = f"{backend.kind} {backend.version}".strip()
    what = Cell(kind, "accent")
    lines: list[Line] = [(what, how) if backend.answers else (how, what)]
    if backend.error:
        lines.append((Cell(backend.error, "bad"),))
    lines.append((Cell(_slots(agent)),))
    lines += [_model_line(model, look) for model in backend.models]
    if not backend.models:
        lines.append((Cell("no models", "warn"),))
    if backend.url:
        lines.append((Cell(backend.url, "muted"),))
    return Card("Backend", tuple(lines))


def _slots(agent: AgentSnapshot) -> str:
    backend = agent.backend
    most = f" (most {backend.most_slots})" if backend.most_slots else ""
    if agent.wanted_slots:
        why = f"you want {agent.wanted_slots}, server has {backend.slots}"
    else:
        why = "as many as the server has"
    return f"slots {agent.slots}: {why}{most}"


def _model_line(model: ModelOffer, look: Look) -> Line:
    warm = Cell("warm", "good") if model.warm else Cell("cold", "muted")
    facts = []
    if model.context:
        facts.append(f"{count(model.context)} ctx")
    if model.tokens_per_second:
        facts.append(f"{rate(model.tokens_per_second)} tok/s")
    return (warm, Cell(look.fit(model.name, 40)), Cell(", ".join(facts), "muted"))


def connection_card(agent: AgentSnapshot, look: Look, club: ClubState) -> Card:
    """How the node stands with the coordinator."""
    link = agent.link
    state = state_of(agent, look, club)
    since = f"for {look.age(link.connected_at)}" if link.connected_at else ""
    lines: list[Line] = [(state, Cell(since))]
    if not link.connected_at:
        if link.retry_at:
            wait = max(link.retry_at - look.now, 0.0)
            text = f"next try in {wait:.0f} s (R: now), {link.failures} failed"
            lines.append((Cell(text, "warn"),))
        else:
            lines.append((Cell("trying now", "warn"),))
    lines += [(Cell(f"ALARM {alarm}", "bad"),) for alarm in agent.alarms]
    if link.lost_at:
        lost = f"last loss {look.age(link.lost_at)} ago: {link.lost_reason}"
        lines.append((Cell(lost, "muted" if link.connected_at else "bad"),))
    lines.append((Cell(link.url, "muted"),))
    return Card("Connection", tuple(lines))


def served_card(
    agent: AgentSnapshot, points: OwnPoints | None, look: Look, *, club_now: float
) -> Card:
    """What the node did, and what it got for it."""
    earned: Line = ()
    if points is not None and (points.loaded or points.changes):
        today = points.today(club_now)
        rest = "" if today.whole else ", as far as is known"
        text = f"points today, {today.changes} changes{rest}"
        tone: Tone = "good" if today.points > 0 else "bad" if today.points < 0 else ""
        earned = (Cell(f"{today.points:+}", tone), Cell(text))
    lines = [
        _counted("today", agent.today),
        earned,
        _balance(points),
        _tokens(agent.today),
        _counted(f"{ago(look.now - agent.started_at)}", agent.since_start),
        _tokens(agent.since_start),
    ]
    return Card("Served", tuple(line for line in lines if line))


def _balance(points: OwnPoints | None) -> Line:
    balance = points.balance if points is not None else None
    if not balance or not balance.get("balance_minor"):
        return ()
    currency = plain.name(str(balance.get("currency", "")), 8)
    return (Cell(f"balance {balance['balance_minor']} {currency} (minor units)"),)


def _counted(when: str, counts: WorkCounts) -> Line:
    cells = [Cell(when, "accent"), Cell(f"{counts.done} done", "good")]
    cells.append(Cell(f"{counts.failed} failed", "bad" if counts.failed else "muted"))
    cells.append(Cell(f"{counts.cancelled} cancelled", "muted"))
    cells.append(
        Cell(f"{counts.refused} refused", "warn" if counts.refused else "muted")
    )
    return tuple(cells)


def _tokens(counts: WorkCounts) -> Line:
    told = f"tokens {count(counts.prompt_tokens)} in, "
    return (Cell(f"{told}{count(counts.completion_tokens)} out"),)


def points_card(
    node: NodeSnapshot | None,
    points: OwnPoints,
    place: tuple[int, int],
    look: Look,
    *,
    missing: str,
) -> Card:
    """How the node stands with the club, and why.

    Args:
        node: The node as the club's feed has it.
        points: Its changes.
        place: Its rank, and of how many.
        look: With the coordinator's time.
        missing: Why there is no feed; empty: there is one.
    """
    if missing:
        return Card("Points", ((Cell(missing, "muted"),),))
    if node is None or node.standing is None:
        text = "The club keeps no points of this node yet."
        return Card("Points", ((Cell(text, "muted"),),))
    standing = node.standing
    first = [Cell(str(standing.points), "accent")]
    if standing.held:
        first.append(Cell(f"+{standing.held} held until an audit", "warn"))
    if standing.suspended:
        first.append(Cell("SUSPENDED", "bad"))
    if standing.trusted:
        first.append(Cell("reference", "good"))
    if place[0]:
        first.append(Cell(f"rank {place[0]} of {place[1]}"))
    lines: list[Line] = [tuple(first)]
    shown = points.changes[:SHOWN_CHANGES]
    for change in shown:
        moved = signed(change.points)
        if not change.points and change.held:
            moved = Cell(f"{change.held:+} held", "muted")
        age = Cell(f"{look.age(change.at)} ago", "muted")
        why, cause = Cell(change.why), Cell(change.cause, "muted")
        lines.append((moved, Cell(change.change), age, why, cause))
    if not points.changes:
        text = "no changes yet" if points.loaded else points.refused or "loading"
        lines.append((Cell(text, "muted"),))
    return Card("Points", tuple(lines), shortened=len(shown))


def layout(
    columns: Sequence[Sequence[Card]], look: Look, *, width: int, height: int
) -> list[list[tuple[str, Tone]]]:
    """The cards side by side, in at most so many lines: pieces of text and tone."""
    each = (width - GAP * (len(columns) - 1)) // len(columns)
    stacks = [_stack(cards, look, each, height) for cards in columns]
    tall = max((len(stack) for stack in stacks), default=0)
    lines = []
    for index in range(tall):
        line: list[tuple[str, Tone]] = []
        for number, stack in enumerate(stacks):
            if number:
                line.append((" " * GAP, ""))
            line += stack[index] if index < len(stack) else [(" " * each, "")]
        lines.append(line)
    return lines


def shares(needs: Sequence[int], height: int) -> list[int]:
    """How many lines each card gets: one by one, to those that need more."""
    given = [0] * len(needs)
    left = height
    while left > 0 and any(
        have < need for have, need in zip(given, needs, strict=True)
    ):
        for index, need in enumerate(needs):
            if given[index] < need and left > 0:
                given[index] += 1
                left -= 1
    return given


def _stack(
    cards: Sequence[Card], look: Look, width: int, height: int
) -> list[list[tuple[str, Tone]]]:
    wrapped = [_wrapped(card, width) for card in cards]
    lines = []
    given = shares([len(card) for card in wrapped], height)
    for card, most in zip(wrapped, given, strict=True):
        rows = card[:most]
        lines += [_pieces(row.cells, look, width) for row in rows[:-1]]
        for row in rows[-1:]:
            more = (Cell(look.cut, "muted"),) if row.goes_on else ()
            lines.append(_pieces((*row.cells, *more), look, width))
    return lines


def _wrapped(card: Card, width: int) -> list[_Row]:
    """The card's lines, its title before the first."""
    indent = Cell(" " * (INDENT - 1))
    rows: list[_Row] = []
    wraps = len(card.lines) - card.shortened
    for index, line in enumerate(card.lines):
        head = Cell(card.title, "accent") if index == 0 else indent
        if index >= wraps:
            rows.append(_Row((head, *line)))
            continue
        first = width - cell_len(head.text) - 1
        parts = _broken(line, first=first, rest=width - INDENT)
        for number, cells in enumerate(parts[:MOST_WRAPPED], 1):
            start = head if number == 1 else indent
            rows.append(_Row((start, *cells), goes_on=number < len(parts)))
    return rows


def _broken(line: Line, *, first: int, rest: int) -> list[list[Cell]]:
    """A line in as many as it needs: between its texts, within one where it is longer.

    Args:
        line: Its texts.
        first: Terminal cells of the first line.
        rest: Those of the others.
    """
    rows: list[list[Cell]] = [[]]
    left = first
    for text in line:
        whole = cell_len(text.text) <= (rest if len(line) > 1 else first)
        words = (
            [text.text] if whole else _WORD.findall(plain.name(text.text, MOST_TEXT))
        )
        for word in words if text.text else ():
            need = cell_len(word) + bool(rows[-1])
            if need > left and rows[-1]:
                rows.append([])
                left, need = rest, cell_len(word)
            rows[-1].append(Cell(word, text.tone))
            left -= need
    return rows


def _pieces(line: Line, look: Look, width: int) -> list[tuple[str, Tone]]:
    pieces: list[tuple[str, Tone]] = []
    left = width
    for cell in line:
        if not cell.text or left <= 0:
            continue
        if pieces:
            pieces.append((" ", ""))
            left -= 1
        text, whole = look.fit_words(cell.text, left), cell_len(cell.text) <= left
        pieces.append((text, cell.tone))
        left -= cell_len(text)
        if not whole:
            break
    pieces.append((" " * max(left, 0), ""))
    return pieces
