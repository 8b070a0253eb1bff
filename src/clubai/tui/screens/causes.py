"""Opens what something rests on: a task, a check, a review."""

from __future__ import annotations

from urllib.parse import quote

from clubai.tui.board import Board
from clubai.tui.screens.reading import ReadingScreen
from clubai.tui.screens.task import TaskScreen
from clubai.tui.tables.reviews import check_text, review_text


def open_task(board: Board, task: str) -> None:
    """Show a task that is remembered; else say that it is not."""
    if board.picture.task(task) is None:
        board.notify("The task is no longer remembered here.", timeout=3)
    else:
        board.push_screen(TaskScreen(task))


def open_check(board: Board, check: str) -> None:
    """Show what was asked and answered in a check."""
    path = f"/api/checks/{quote(check, safe='')}"
    board.push_screen(ReadingScreen(f"Check {check}", path, check_text))


def open_review(board: Board, review: str) -> None:
    """Show a review with its evidence."""
    path = f"/api/reviews/{quote(review, safe='')}"
    board.push_screen(ReadingScreen(f"Review {review}", path, review_text))
