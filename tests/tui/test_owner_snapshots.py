"""The owner's screens in every state, as pictures; see `test_snapshots`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import pytest
from syrupy.assertion import SnapshotAssertion

from support.dashboard import LARGE, SMALL, Scripted, picture_of
from support.owner import (
    ScriptedOwner,
    agent,
    backend,
    club,
    owner_shown,
    reconnecting,
)

Made = Callable[[], tuple[ScriptedOwner, Scripted | None]]


def failed() -> ScriptedOwner:
    owner = ScriptedOwner(agent())
    owner.ended, owner.failure = True, "the node was removed. Enrol it again."
    return owner


def never_started() -> ScriptedOwner:
    owner = ScriptedOwner()
    owner.ended, owner.failure = True, "no model server. Look at `clubai doctor`."
    return owner


def without_backend() -> ScriptedOwner:
    gone = backend(answers=False, error="connection refused", models=())
    return ScriptedOwner(agent(lanes=0, backend=gone))


STATES: Final[dict[str, tuple[Made, Sequence[str], dict[str, Any]]]] = {
    "busy": (lambda: (ScriptedOwner(agent()), club()), (), {}),
    "idle": (lambda: (ScriptedOwner(agent(lanes=0, recent=0)), club()), (), {}),
    "no-key": (lambda: (ScriptedOwner(agent()), None), (), {}),
    "starting": (lambda: (ScriptedOwner(phase="Looking for a server."), None), (), {}),
    "joining": (lambda: (ScriptedOwner(reconnecting(state="joining")), None), (), {}),
    "reconnecting": (lambda: (ScriptedOwner(reconnecting()), club()), (), {}),
    "paused": (
        lambda: (ScriptedOwner(agent(state="paused", paused=True)), club()),
        (),
        {},
    ),
    "draining": (
        lambda: (ScriptedOwner(agent(state="draining", draining=True)), club()),
        (),
        {},
    ),
    "backend-gone": (lambda: (without_backend(), club()), (), {}),
    "alarm": (
        lambda: (ScriptedOwner(agent(alarms=("another log was shown",))), club()),
        (),
        {},
    ),
    "failed": (lambda: (failed(), None), (), {}),
    "never-started": (lambda: (never_started(), None), (), {}),
    "readonly": (lambda: (ScriptedOwner(agent()), club()), (), {"readonly": True}),
    "ascii": (lambda: (ScriptedOwner(agent()), club()), (), {"ascii": True}),
    "points": (lambda: (ScriptedOwner(agent()), club()), ("2",), {}),
    "log": (lambda: (ScriptedOwner(agent()), club()), ("3",), {}),
    "lane": (lambda: (ScriptedOwner(agent()), club()), ("enter",), {}),
    "drain-asks": (lambda: (ScriptedOwner(agent()), club()), ("d",), {}),
    "slots-asks": (lambda: (ScriptedOwner(agent()), club()), ("s",), {}),
}


@pytest.mark.parametrize("state", STATES)
async def test_the_owners_screens(pictures: SnapshotAssertion, state: str) -> None:
    made, keys, options = STATES[state]
    owner, source = made()
    async with owner_shown(owner, source, keys=keys, **options) as (board, pilot):
        for size in (SMALL, LARGE):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            board.flush(force=True)
            await pilot.pause()
            assert picture_of(board) == pictures(name=f"{size[0]}x{size[1]}")
