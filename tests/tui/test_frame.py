from __future__ import annotations

import pytest
from rich.cells import cell_len

from clubai.tui.frame import MOST_NODES, frame
from clubai.tui.look import Look
from clubai.tui.picture import Picture
from support.dashboard import NOW, node, script, snapshot


def picture(**fields: object) -> Picture:
    seen = Picture()
    for item in script(**fields):  # type: ignore[arg-type]
        seen.take(item, NOW)
    return seen


def test_it_says_what_the_dashboard_says() -> None:
    text = frame(picture(), Look(now=NOW), width=140)

    first, second, third, blank, head, *rows = text.splitlines()
    assert first == "nodes 5/6 · slots 5/13 · queued 2 · running 6"
    assert second == "done 1.5k · failed 12 (0.8 %)"
    assert third.startswith("first token ")
    assert blank == ""
    assert head.split()[:2] == ["State", "Node"]
    assert rows[0].split()[:2] == ["alive", "attic"]
    assert len(rows) == 6
    assert " 730 ms " in rows[1]  # by when its answers began


@pytest.mark.parametrize("width", [40, 60, 80, 140, 200])
def test_no_line_is_wider_than_asked(width: int) -> None:
    for line in frame(picture(), Look(now=NOW), width=width).splitlines():
        assert cell_len(line) <= width


def test_ascii_has_no_other_signs() -> None:
    assert frame(picture(), Look(now=NOW, ascii=True), width=140).isascii()


def test_of_many_nodes_the_rest_is_counted() -> None:
    many = tuple(
        node(number, id=f"{number:052}", name=f"n{number:03}")
        for number in range(MOST_NODES + 7)
    )
    seen = Picture()
    seen.take(snapshot(nodes=0, tasks=0), NOW)
    seen.take(snapshot(nodes=0, tasks=0, models=()), NOW)
    seen.mirror.nodes = {each.id: each for each in many}

    lines = frame(seen, Look(now=NOW), width=100).splitlines()

    assert lines[-1] == "… 7 more"
    assert len(lines) == 5 + MOST_NODES + 1


def test_an_empty_club_is_a_frame_too() -> None:
    seen = Picture()
    seen.take(snapshot(nodes=0, tasks=0), NOW)

    assert "nodes 5/6" in frame(seen, Look(now=NOW), width=80)
