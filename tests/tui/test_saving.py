from __future__ import annotations

from pathlib import Path

import pytest

from clubai.tui.saving import save_new


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    first = save_new(tmp_path, "chat", ".md", "one")
    second = save_new(tmp_path, "chat", ".md", "two")

    assert (first.name, second.name) == ("chat.md", "chat-2.md")
    assert (first.read_text(), second.read_text()) == ("one", "two")
    assert first.stat().st_mode & 0o077 == 0


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        save_new(tmp_path / "none", "chat", ".md", "x")
