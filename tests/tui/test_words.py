from __future__ import annotations

from clubai.client.feed import FeedState
from clubai.tui.look import Look
from clubai.tui.picture import Picture
from clubai.tui.words import GAP_SHOWN_S, banner, connection, status, waiting
from support.dashboard import NOW, broken, connected, script

LOOK = Look(now=NOW)


def club(*more: FeedState) -> Picture:
    picture = Picture()
    for item in (*script(), *more):
        picture.take(item, NOW)
    return picture


def refused(picture: Picture) -> Picture:
    picture.refuse("The key is not known.")
    return picture


def test_the_connection_in_a_word_whatever_the_colour() -> None:
    assert connection(Picture(), LOOK) == ("○ connecting", "warn")
    assert connection(club(), LOOK) == ("● connected", "good")
    assert connection(club(broken()), LOOK) == ("○ disconnected", "bad")
    assert connection(refused(club()), LOOK) == ("○ refused", "bad")
    assert connection(club(), Look(ascii=True)) == ("* connected", "good")


def test_the_head_line() -> None:
    parts = status(club(), "attached", "http://club:1", LOOK, marks="PAUSED")

    assert [text for text, _ in parts] == [
        "ClubAI",
        "club:1",
        "attached",
        "● connected",
        "PAUSED",
        "40 tok/s",
        "operator",
        "14:13:20",
    ]


def test_the_head_line_leaves_out_what_has_no_room() -> None:
    def line(width: int) -> str:
        parts = status(club(), "attached", "http://club:1", LOOK, width=width)
        return LOOK.rule.join(text for text, _ in parts)

    assert line(63) == "ClubAI · club:1 · attached · ● connected · 40 tok/s · 14:13:20"
    assert line(20) == "● connected"
    assert all(len(line(width)) <= width for width in range(20, 90))


def test_the_head_line_tells_no_rate_that_is_old() -> None:
    parts = status(club(broken()), "attached", "http://club:1", LOOK)

    assert not [text for text, _ in parts if "tok/s" in text]


def test_nothing_is_wrong_with_what_is_new() -> None:
    assert banner(club(), NOW) == ""
    assert banner(Picture(), NOW) == ""


def test_old_numbers_are_said_to_be_old() -> None:
    assert banner(club(broken()), NOW + 3) == (
        "The coordinator cannot be reached (connection refused). Trying again in 1 s "
        "(R: now). What is shown is 3 s old."
    )
    assert banner(refused(club()), NOW + 3) == (
        "The key is not known. What is shown is 3 s old."
    )
    again = club()
    again.begin_again()
    assert banner(again, NOW + 3) == ("Connecting again. What is shown is 3 s old.")


def test_missed_events_are_said_for_a_while() -> None:
    gap = FeedState(connected=True, since=NOW, gaps=1, reason="too far behind")

    assert banner(club(gap), NOW).startswith("Events were missed: too far behind.")
    assert banner(club(gap), NOW + GAP_SHOWN_S) == ""


def test_there_is_something_to_read_before_there_is_a_club() -> None:
    url = "http://club:1"
    lost = Picture()
    lost.take(broken(), NOW)
    begun = Picture()
    begun.take(connected(), NOW)

    assert waiting(club(), "attached", url) is None
    titles = [
        notice.title
        for picture in (Picture(), begun, lost, refused(Picture()))
        if (notice := waiting(picture, "attached", url)) is not None
    ]
    assert titles == [
        "Connecting",
        "Connecting",
        "The club cannot be reached",
        "The club does not let this screen in",
    ]


def test_reasons_of_others_are_not_obeyed() -> None:
    evil = broken("\x1b]0;x\x07\nno")
    alone = Picture()
    alone.take(evil, NOW)
    notice = waiting(alone, "attached", "http://club:1")

    assert notice is not None
    assert "\x1b" not in banner(club(evil), NOW) + notice.text
