"""A club in memory whose nodes answer as a test says, each of an owner of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from clubai.client import Client
from clubai.coordinator.grants import Member
from clubai.errors import BackendError
from clubai.model import FailCode, MemberId
from support.memory_club import MemoryClub, memory_club
from support.scripted_backend import Answerer, ScriptedBackend, say


def owner(name: str) -> Member:
    return Member(id=MemberId(f"m_{name}"), name=name, role="member")


def broken(_body: dict[str, Any]) -> list[BackendError]:
    return [BackendError(FailCode.BACKEND, "it broke")]


def backend(
    answer: Answerer | str, *, context: int = 0, slots: int = 2, quantization: str = ""
) -> ScriptedBackend:
    made = ScriptedBackend(say(answer) if isinstance(answer, str) else answer)
    models = tuple(
        msgspec.structs.replace(model, context=context, quantization=quantization)
        for model in made.info.models
    )
    made.info = msgspec.structs.replace(made.info, models=models, slots=slots)
    return made


@asynccontextmanager
async def divided_club(
    data: Path, backends: Sequence[ScriptedBackend], *, owners: Sequence[str] = ()
) -> AsyncIterator[tuple[MemoryClub, Client]]:
    """Node `n0` is of the first backend and of the first owner, and so on."""
    async with memory_club(data) as club:
        for number, each in enumerate(backends):
            name = owners[number] if owners else f"owner{number}"
            await club.add(f"n{number}", each, owner=owner(name))
        async with club.client() as client:
            yield club, client
