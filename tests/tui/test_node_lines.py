from __future__ import annotations

import pytest

from clubai.tui.look import Look
from clubai.tui.node_lines import gone_line, live_lines, points_lines
from clubai.tui.picture import Latency
from clubai.tui.tables.standing import Line
from support.dashboard import NOW, node

LOOK = Look(now=NOW)


def text(lines: list[list[object]]) -> str:
    return "\n".join("".join(cell.text for cell in line) for line in lines)  # type: ignore[attr-defined]


def moved(number: int, total: int) -> Line:
    return Line(
        number=number, at=NOW - 60, change="completed", points=1, held=0, total=total
    )


def test_what_a_node_does_now_is_told() -> None:
    shown = text(live_lines(node(1), Latency(12, 250, 900), LOOK, 78))

    assert "alive  slots ███░░░ 1/2  25 tok/s  done 107  failed 3" in shown
    assert "first token 250 ms, 19 in 20 within 900 ms (12 tasks in 10 min)" in shown
    assert "seen 2 s ago · here for 24 h · owner bo · ollama" in shown


def test_without_ended_tasks_there_is_no_time_to_the_first_token() -> None:
    shown = text(live_lines(node(1), Latency(0, 0, 0), Look(NOW, ascii=True), 78))

    assert "no task ended in 10 min" in shown
    assert shown.isascii()


@pytest.mark.parametrize(
    ("left", "says"), [(True, "It left the club"), (False, "It is lost")]
)
def test_what_is_gone_says_how_old_it_is(left: bool, says: str) -> None:
    line = gone_line(node(5, seen_at=NOW - 300), left, LOOK)

    assert text([line]).startswith(says)
    assert text([line]).endswith("As it was 5 min ago.")


def test_standing_is_told_in_words() -> None:
    assert "280 points  0 held  suspended" in text(points_lines(node(4), [], LOOK, 78))
    assert "trusted: a reference" in text(points_lines(node(0), [], LOOK, 78))
    assert "Nobody judges" in text(points_lines(node(0, standing=None), [], LOOK, 78))


def test_the_curve_of_points_goes_from_the_oldest_to_the_newest() -> None:
    lines = [moved(3, 100), moved(2, 50), moved(1, -20)]

    shown = text(points_lines(node(1), lines, LOOK, 78))

    assert shown.splitlines()[1] == " ▄█  each change, 60 s ago to now"
