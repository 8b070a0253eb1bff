from __future__ import annotations

from clubai.tui.logtail import LogLine
from clubai.tui.look import Cell, Look
from clubai.tui.own_points import OwnPoints
from clubai.tui.tables.own import CHANGES, LOG, changes_grid, log_grid, signed
from support.dashboard import NOW
from support.owner import line, log

LOOK = Look(now=NOW)


def test_the_ledger_says_why() -> None:
    points = OwnPoints()
    late = line(2, points=-20, change="timeout", why="no answer within 30 s")
    points.load({"changes": [late, line(1)], "next": None})
    grid = changes_grid()
    grid.put(points.changes, LOOK)

    texts = [grid.texts(change) for change in grid.shown]
    assert [text["points"] for text in texts] == ["-20", "+10"]
    assert texts[0]["why"] == "no answer within 30 s"
    assert texts[1]["rests on"] == f"task:{1:032x}"
    for column in CHANGES:
        grid.sort(column.name)
        assert len(grid.shown) == 2


def test_points_that_come_and_go_have_a_sign() -> None:
    assert [signed(points) for points in (5, -5, 0)] == [
        Cell("+5", "good"),
        Cell("-5", "bad"),
        Cell("-", "muted"),
    ]


def test_the_log_is_a_table() -> None:
    grid = log_grid()
    grid.put(log(3).lines, LOOK)

    assert [grid.texts(each)["level"] for each in grid.shown] == [
        "warning",
        "error",
        "info",
    ]
    for column in LOG:
        grid.sort(column.name)
        assert len(grid.shown) == 3
    grid.put([LogLine(1, NOW, "notice", "a", "unknown levels are shown")], LOOK)
    assert grid.texts(grid.shown[0])["level"] == "notice"
