"""The cards of the overview: what they say, and that they fit."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from clubai.client.feed import FeedItem
from clubai.protocol.feed import FeedStats
from clubai.tui.cards import (
    Card,
    Moved,
    card_lines,
    cards,
    ended_lately,
    points_moved,
)
from clubai.tui.look import Look
from clubai.tui.picture import Picture
from support.dashboard import NOW, happened, script, snapshot, stats, task

LOOK = Look(now=NOW)


def picture(*items: FeedItem) -> Picture:
    made = Picture()
    for item in items or script():
        made.take(item, NOW)
    return made


def by_title(made: Picture) -> dict[str, Card]:
    return {card.title: card for card in cards(made, LOOK)}


def test_the_cards_say_what_the_club_counts() -> None:
    shown = by_title(picture())

    assert shown["Nodes"] == ("Nodes", "5/6", "1 not up", "warn")
    assert shown["Slots in use"][1:3] == ("5/13", "██░░░░")
    assert shown["Queue"] == ("Queue", "2", "for 90 s", "warn")
    assert shown["Tokens/s"][1:3] == ("40", "of 98.0k")
    assert shown["Failed, 10 min"] == ("Failed, 10 min", "40 %", "2 of 5", "bad")
    assert shown["First p50/p95"].value == "550 ms/730 ms"
    assert shown["Tasks done"][1:3] == ("1.5k", "2 h")
    assert shown["Points, 59 s"][1:3] == ("+30", "-60")


def test_a_calm_club_has_no_warnings() -> None:
    calm = picture(
        snapshot(
            tasks=0,
            stats=stats(nodes_alive=6, tasks_queued=0, slots_used=0),
        )
    )

    assert {card.tone for card in cards(calm, LOOK)} == {"good", ""}
    assert by_title(calm)["Failed, 10 min"].note == "none ended"


def test_a_full_club_and_one_without_nodes_say_so() -> None:
    full = picture(snapshot(stats=stats(slots_used=13)))
    empty = picture(snapshot(nodes=0, stats=stats(nodes_alive=0, slots=0)))

    assert by_title(full)["Slots in use"].tone == "warn"
    assert by_title(empty)["Nodes"].tone == "bad"


def test_there_are_no_cards_before_the_first_snapshot() -> None:
    assert cards(Picture(), LOOK) == ()
    assert card_lines((), 80, LOOK) == []


def test_only_the_last_ten_minutes_count() -> None:
    ended = [
        task(5, id="new", ended_at=NOW - 599.0),
        task(5, id="old", ended_at=NOW - 601.0),
        task(4, id="good", ended_at=NOW),
    ]

    assert ended_lately(picture(snapshot(tasks=0)), NOW) == (0, 0)
    assert ended_lately(
        picture(msgspec.structs.replace(snapshot(), tasks=tuple(ended))), NOW
    ) == (2, 1)


def test_points_are_those_that_were_seen_to_move() -> None:
    begun = snapshot(stats=stats(now=NOW - 100.0))

    made = picture(begun, happened(1), happened(5))

    assert points_moved(made, NOW) == Moved(10, -20, NOW - 100.0)
    assert points_moved(Picture(), NOW) == Moved(0, 0, NOW - 3600.0)


def test_points_of_more_than_an_hour_ago_are_left_out() -> None:
    made = picture(
        snapshot(stats=stats(now=NOW - 4000.0)),
        happened(1),
        FeedStats(seq=9, stats=stats()),
    )

    late = points_moved(made, NOW + 3570.0)

    assert late == Moved(0, 0, NOW - 30.0)
    assert "Points, 1 h" in by_title(made)


@given(st.integers(1, 250), st.integers(1, 12), st.booleans())
def test_cards_never_leave_their_width(width: int, many: int, ascii: bool) -> None:
    look = Look(now=NOW, ascii=ascii)
    shown = [
        Card(f"title {n}", f"{n}/100", "a note of some length") for n in range(many)
    ]

    lines = card_lines(shown, width, look)

    assert len(lines) % 2 == 0
    assert all(sum(cell_len(cell.text) for cell in line) <= width for line in lines)
    titles = "".join(cell.text for line in lines[::2] for cell in line)
    if width >= 14:
        assert all(f"title {n}" in titles for n in range(many))
