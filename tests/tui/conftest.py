"""Textual runs on asyncio alone; times of day are UTC."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.widgets import Input, TextArea

from support.svg import Pictures


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def pictures(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(Pictures)


@pytest.fixture(autouse=True)
def steady_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cursor that blinks looks another way each half second."""
    for widget in (Input, TextArea):
        monkeypatch.setattr(widget, "_restart_blink", lambda self: None)
        monkeypatch.setattr(widget.cursor_blink, "_default", False)
