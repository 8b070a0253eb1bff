"""Files that are written are new ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from clubai.tui.saving import write_new


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    first = write_new(tmp_path, "events", "jsonl", "one\n")
    second = write_new(tmp_path, "events", "jsonl", "two\n")

    assert (first.name, first.read_text()) == ("events.jsonl", "one\n")
    assert (second.name, second.read_text()) == ("events-2.jsonl", "two\n")


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        write_new(tmp_path / "gone", "events", "jsonl", "")
