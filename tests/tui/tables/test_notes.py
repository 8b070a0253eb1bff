from __future__ import annotations

import msgspec
import pytest

from clubai.tui.look import Look
from clubai.tui.tables.notes import NOTES, notes_grid, read_notes
from support.dashboard import NOW

ENTRY = {"seq": 4, "at": NOW - 60, "actor": "m_ana", "action": "node.noted"}


def test_lines_of_the_audit_log_are_read_and_told() -> None:
    told = {**ENTRY, "object": "attic0aaaaaa", "detail": "the fan is loud"}

    (line,) = read_notes({"entries": [told], "next": None})

    shown = [column.cell(line, Look(now=NOW)).text for column in NOTES]
    assert shown == [
        *("2026-09-21 14:12:20", "60 s", "note", "m_ana", "the fan is loud"),
    ]


@pytest.mark.parametrize("answer", [{}, {"entries": 3}, {"entries": [{"seq": 1}]}])
def test_anything_else_is_no_such_answer(answer: dict[str, object]) -> None:
    with pytest.raises((KeyError, msgspec.ValidationError)):
        read_notes(answer)


def test_every_column_sorts() -> None:
    grid = notes_grid()
    acts = [{**ENTRY, "seq": 5, "action": "node.kicked"}, ENTRY]
    grid.put(read_notes({"entries": acts}), Look())

    assert [line.seq for line in grid.shown] == [5, 4]
    for column in NOTES:
        grid.sort(column.name)
        assert len(grid.shown) == 2
