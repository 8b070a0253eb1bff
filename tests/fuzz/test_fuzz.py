"""A bounded run of the fuzz in every run of the tests; `nox -s fuzz` for more."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from clubai.protocol.codec import decode_from_client
from fuzz.frames import DOCUMENTS, MESSAGES, Frames
from fuzz.running import SLOWEST_S, Feed, Found, feed
from fuzz.targets import TARGETS, Target, reads

FRAMES = 1_000
"""For each target and loop: about 40 000 in all."""


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
async def test_no_frame_does_what_it_must_not(target: Target) -> None:
    result = await feed(target, FRAMES, seed=20_000)

    assert result.frames == FRAMES
    assert 0 <= result.taken <= FRAMES
    assert result.slowest_ms < 1000 * SLOWEST_S
    assert result.grown_mb < 50


def test_the_frames_of_a_seed_are_always_the_same() -> None:
    one, same, other = (Frames(seed, MESSAGES) for seed in (1, 1, 2))

    frames = [one.next() for _ in range(300)]

    assert [same.next() for _ in range(300)] == frames
    assert [other.next() for _ in range(300)] != frames


def test_some_frames_are_nearly_right_and_some_are_right() -> None:
    frames = Frames(3, DOCUMENTS, binary=False)
    readable = 0
    for _ in range(500):
        try:
            json.loads(frames.next())
        except (ValueError, RecursionError):
            continue
        readable += 1

    assert 100 < readable < 480


async def test_a_target_that_raises_is_found_with_its_frame() -> None:
    target = reads("naive", decode_from_client)

    with pytest.raises(Found, match="naive: frame 0 of seed 1"):
        await feed(target, 10, seed=1)


async def test_an_error_that_is_only_logged_is_found() -> None:
    @asynccontextmanager
    async def open_() -> AsyncIterator[Feed]:
        async def give(_: bytes) -> bool:
            logging.getLogger("clubai.somewhere").error("a connection failed")
            return True

        yield give

    with pytest.raises(Found, match="a connection failed"):
        await feed(Target("quiet", True, open_), 10, seed=1)
