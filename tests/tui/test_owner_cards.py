from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from clubai.agent.view import LinkView
from clubai.tui import plain
from clubai.tui.look import Cell, Look
from clubai.tui.own_points import OwnPoints
from clubai.tui.owner_cards import (
    Card,
    backend_card,
    connection_card,
    layout,
    points_card,
    served_card,
    shares,
)
from support.dashboard import NOW
from support.owner import URL, agent, backend, line, reconnecting, standing

LOOK = Look(now=NOW, ascii=True)


def said(card: Card, width: int = 200) -> list[str]:
    lines = layout([[card]], LOOK, width=width, height=40)
    return ["".join(text for text, _ in line).rstrip() for line in lines]


def known(**fields: int) -> OwnPoints:
    points = OwnPoints()
    points.load({"changes": [line(2, **fields), line(1)], "next": None})
    return points


def test_a_model_server_that_answers() -> None:
    assert said(backend_card(agent(), LOOK, silent_since=0.0)) == [
        "Backend lmstudio 0.3.30 * answers (4 s ago)",
        "  slots 4: as many as the server has (most 8)",
        "  warm qwen3-8b 32.8k ctx, 42 tok/s",
        "  cold smollm2-135m-instruct 2.0k ctx",
        "  http://127.0.0.1:1234/v1",
    ]


def test_a_model_server_that_does_not_says_since_when_and_why() -> None:
    gone = backend(answers=False, error="connection\nrefused", models=(), most_slots=0)
    lines = said(
        backend_card(
            agent(backend=gone, wanted_slots=2, slots=2), LOOK, silent_since=NOW - 90
        )
    )

    assert lines[:3] == [
        "Backend o NO ANSWER for 90 s lmstudio 0.3.30",
        "  connection?refused",
        "  slots 2: you want 2, server has 4",
    ]
    assert "  no models" in lines


def test_a_connection_that_is_there() -> None:
    link = LinkView(
        url=URL, connected_at=NOW - 3600, lost_at=NOW - 3700, lost_reason="restarting"
    )
    assert said(connection_card(agent(link=link), LOOK, "")) == [
        "Connection * working: 2/4 for 60 min",
        "  last loss 62 min ago: restarting",
        f"  {URL}",
    ]


def test_a_connection_that_is_lost_says_why_and_when_the_next_try_is() -> None:
    lines = said(connection_card(reconnecting(alarms=("a fork",)), LOOK, ""))

    assert lines == [
        "Connection o reconnecting",
        "  next try in 4 s (R: now), 3 failed",
        "  ALARM a fork",
        "  last loss 9 s ago: the club is restarting",
        f"  {URL}",
    ]
    trying = reconnecting(link=LinkView(url=URL))
    assert "  trying now" in said(connection_card(trying, LOOK, ""))


def test_what_was_served_and_what_it_brought() -> None:
    lines = said(served_card(agent(), known(), LOOK, club_now=NOW))

    assert lines == [
        "Served today 41 done 2 failed 1 cancelled 0 refused",
        "  +20 points today, 2 changes",
        "  tokens 5.2k in, 9.8k out",
        "  2 h 57 done 2 failed 3 cancelled 0 refused",
        "  tokens 7.4k in, 12.3k out",
    ]


def test_a_balance_is_told_when_there_is_one() -> None:
    points = known()
    points.balance = {"balance_minor": 0, "currency": "EUR"}
    assert "balance" not in " ".join(
        said(served_card(agent(), points, LOOK, club_now=NOW))
    )
    points.balance = {"balance_minor": 1250, "currency": "EUR"}
    assert said(served_card(agent(), points, LOOK, club_now=NOW))[2] == (
        "  balance 1250 EUR (minor units)"
    )


def test_what_does_not_fit_goes_on_below_between_words() -> None:
    served = served_card(agent(), None, LOOK, club_now=NOW)
    assert said(served, width=38)[:2] == [
        "Served today 41 done 2 failed",
        "  1 cancelled 0 refused",
    ]
    command = Card("Card", ((Cell("log in by `clubai login`, then look"),),))
    assert said(command, width=26) == [
        "Card log in by",
        "  `clubai login`, then",
        "  look",
    ]
    text = "no answer within 30 s, and none was expected either"
    one = Card("Card", ((Cell("first"), Cell(text), Cell("last")),))
    assert said(one, width=24) == [
        "Card first no answer",
        "  within 30 s, and none",
        "  was expected either",
        "  last",
    ]


def test_a_line_of_which_the_rest_has_no_room_says_so() -> None:
    lines = layout([[Card("Card", ((Cell("a" * 9), Cell("b" * 9)),))]], LOOK, **ROOM)

    assert ["".join(text for text, _ in line) for line in lines] == ["Card aaaaaaaaa ~"]


ROOM = {"width": 16, "height": 1}


def test_changes_keep_to_one_line_and_are_cut_after_a_word() -> None:
    points = OwnPoints()
    change = line(1, points=-20, why="no answer within 30 s")
    points.load({"changes": [change], "next": None})
    card = points_card(standing(), points, (0, 0), LOOK, missing="")

    (_, told) = said(card, width=46)
    assert told == "  -20 completed 49 min ago no answer within~"


def test_without_a_key_nothing_is_said_of_points() -> None:
    assert "points" not in " ".join(said(served_card(agent(), None, LOOK, club_now=0)))
    card = points_card(None, OwnPoints(), (0, 0), LOOK, missing="Log in, please.")
    assert said(card) == ["Points Log in, please."]
    assert said(card, width=14) == ["Points Log in,", "  please."]


def test_points_with_the_reason_for_each_change() -> None:
    held = {"points": 0, "held": 15, "why": "kept for an audit"}
    points = OwnPoints()
    points.load({"changes": [line(2, **held), line(1)], "next": None})
    node = standing(suspended=True, trusted=True)

    assert said(points_card(node, points, (2, 6), LOOK, missing="")) == [
        "Points 100 +20 held until an audit SUSPENDED reference rank 2 of 6",
        "  +15 held completed 48 min ago kept for an audit task:" + f"{2:032x}",
        "  +10 completed 49 min ago task:" + f"{1:032x}",
    ]


def test_points_that_are_not_there_yet() -> None:
    nobody = points_card(None, OwnPoints(), (0, 0), LOOK, missing="")
    assert said(nobody) == ["Points The club keeps no points of this node yet."]

    points = OwnPoints()
    node = standing(held=0)
    assert said(points_card(node, points, (0, 0), LOOK, missing=""))[1] == "  loading"
    points.load("no such route")
    assert said(points_card(node, points, (0, 0), LOOK, missing=""))[1] == (
        "  no such route"
    )
    points.load({"changes": [], "next": None})
    assert said(points_card(node, points, (0, 0), LOOK, missing=""))[1] == (
        "  no changes yet"
    )


@given(st.lists(st.integers(1, 12), max_size=5), st.integers(0, 40))
def test_room_is_shared_and_none_is_wasted(needs: list[int], height: int) -> None:
    given_lines = shares(needs, height)

    assert sum(given_lines) == min(sum(needs), height)
    assert all(have <= need for have, need in zip(given_lines, needs, strict=True))
    wanting = [
        have for have, need in zip(given_lines, needs, strict=True) if have < need
    ]
    assert not wanting or max(given_lines) - min(wanting) <= 1


@given(st.text(max_size=80), st.integers(20, 120), st.integers(1, 20))
def test_every_line_is_as_wide_as_the_screen(
    text: str, width: int, height: int
) -> None:
    card = Card("Card", ((Cell(text), Cell("x")), (Cell(text),), (Cell("y"),)))
    lines = layout([[card], [card, card]], LOOK, width=width, height=height)

    each = (width - 2) // 2
    assert 0 < len(lines) <= height
    for pieces in lines:
        joined = "".join(piece for piece, _ in pieces)
        assert cell_len(joined) == 2 * each + 2
        assert plain.name(joined, 1000) == joined
