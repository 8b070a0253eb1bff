from __future__ import annotations

import io
import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.client.feed import FeedItem
from clubai.errors import ConfigError, PermissionDenied
from clubai.tui.recording import (
    Recorded,
    Recorder,
    Replay,
    read_recording,
    recorded,
)
from support.dashboard import (
    NOW,
    Scripted,
    broken,
    connected,
    curves,
    happened,
    script,
    snapshot,
)


async def record(file: Any, items: list[FeedItem]) -> Recorder:
    recorder = Recorder(Scripted(items), file)
    given: list[FeedItem] = []
    async for item in recorder.items():
        given.append(item)
        if len(given) == len(items):
            break
    assert given == items
    return recorder


async def test_what_is_recorded_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "club.jsonl"
    with path.open("wb") as file:
        recorder = await record(file, [*script(), broken()])

    records = read_recording(path)
    assert [one.item for one in records] == [*script(), broken()]
    assert {one.at for one in records} == {NOW}
    assert (recorder.mode, recorder.url, recorder.broken) == (
        "attached",
        Scripted.url,
        "",
    )


async def test_a_full_disk_ends_the_recording_and_not_the_feed() -> None:
    tried: list[bytes] = []

    class Full(io.BytesIO):
        def write(self, line: Any) -> int:
            tried.append(line)
            raise OSError(28, "No space left on device")

    recorder = await record(Full(), script())

    assert recorder.broken == "No space left on device"
    assert len(tried) == 1  # what comes later would stand behind a hole


async def test_a_recorder_acts_through_its_source() -> None:
    source = Scripted([], answers={"GET /api/x": {"a": 1}})

    assert await Recorder(source, io.BytesIO()).call("GET", "/api/x") == {"a": 1}


def test_a_last_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "club.jsonl"
    path.write_bytes(b'{"at":1,"state":{"connected":true,"since":1,"gaps":0}}\n{"at":')

    assert len(read_recording(path)) == 1


def test_what_is_not_known_here_is_no_item(tmp_path: Path) -> None:
    path = tmp_path / "club.jsonl"
    path.write_bytes(b'{"at":1,"weather":{"rain":true}}\n')

    assert [one.item for one in read_recording(path)] == [None]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"\n", "line 1 is none of a recording"),
        (b'{"at":1}\nno\n{"at":2}\n', "line 2 is none of a recording"),
        (b'{"at":"x"}\n', "line 1 is none of a recording"),
        (b'{"at":1}\n\xff\xfe\n{"at":1}\n', "line 2 is none of a recording"),
        (None, "No such file"),
    ],
    ids=["empty", "blank", "bad line", "no number", "no UTF-8", "no file"],
)
def test_what_is_no_recording_is_refused_by_its_line(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "club.jsonl"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigError, match=said):
        read_recording(path)


@given(st.binary(max_size=60))
def test_any_file_is_read_or_refused(tmp_path_factory: Any, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_bytes(content)

    with suppress(ConfigError):
        assert read_recording(path)


class Clock:
    """The time of a replay in a test: it goes on when a replay waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.waits: list[float] = []
        monkeypatch.setattr("clubai.tui.recording.anyio.current_time", lambda: self.now)
        monkeypatch.setattr("clubai.tui.recording.anyio.move_on_after", self._pass)

    def _pass(self, seconds: float) -> Any:
        self.waits.append(seconds)
        self.now += seconds
        scope = anyio.CancelScope()
        scope.cancel()
        return scope


def spread(seconds: float, count: int = 5) -> list[Recorded]:
    return [
        recorded(NOW + seconds * number, happened(number)) for number in range(count)
    ]


async def played(
    replay: Replay, clock: Clock, *, most: int = 5
) -> list[tuple[float, FeedItem]]:
    given: list[tuple[float, FeedItem]] = []
    async for item in replay.items():
        given.append((clock.now, item))
        if len(given) == most:
            break
    return given


@pytest.mark.parametrize(
    ("speed", "apart"), [(1.0, 3.0), (0.5, 6.0), (60.0, 0.05), (math.inf, 0.0)]
)
async def test_a_replay_keeps_the_times_at_its_speed(
    monkeypatch: pytest.MonkeyPatch, speed: float, apart: float
) -> None:
    clock = Clock(monkeypatch)
    replay = Replay(spread(3.0), speed=speed)
    given = await played(replay, clock)

    assert [item for _, item in given] == [happened(number) for number in range(5)]
    assert [at for at, _ in given] == pytest.approx([apart * n for n in range(5)])
    assert replay.clock() == NOW + 12.0
    assert all(0 <= wait <= 0.1 for wait in clock.waits)


async def test_the_speed_can_be_changed_on_the_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    replay = Replay(spread(10.0, 3))
    items = replay.items()
    await anext(items)
    await anext(items)
    assert clock.now == pytest.approx(10.0)
    replay.set_speed(10.0)
    await anext(items)
    assert clock.now == pytest.approx(11.0)
    await items.aclose()


async def test_a_change_of_speed_does_not_jump() -> None:
    replay = Replay(spread(1000.0, 2))
    items = replay.items()
    await anext(items)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anext, items)
        await anyio.wait_all_tasks_blocked()
        for _ in range(20):
            replay.set_speed(60.0)
            await anyio.wait_all_tasks_blocked()
        assert replay.clock() < NOW + 6.0
        tasks.cancel_scope.cancel()


async def test_a_paused_replay_gives_nothing_until_it_goes_on() -> None:
    replay = Replay(spread(0.0, 2), speed=math.inf)
    given: list[FeedItem] = []

    async def play() -> None:
        items = replay.items()
        while True:
            given.append(await anext(items))

    replay.pause(True)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(play)
        await anyio.wait_all_tasks_blocked()
        assert replay.paused
        assert given == []
        replay.pause(False)
        await anyio.wait_all_tasks_blocked()
        assert len(given) == 2
        assert replay.ended
        tasks.cancel_scope.cancel()


async def test_a_recorded_replay_ends_as_well() -> None:
    replay = Replay(spread(0.0, 2), speed=math.inf)
    file = io.BytesIO()
    recorder = Recorder(replay, file)
    async with anyio.create_task_group() as tasks:

        async def play() -> None:
            async for _ in recorder.items():
                pass

        tasks.start_soon(play)
        await anyio.wait_all_tasks_blocked()
        assert replay.ended
        assert recorder.mode == "replay"
        tasks.cancel_scope.cancel()
    assert file.getvalue().count(b"\n") == 2


async def test_a_replay_begins_anew_from_its_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    replay = Replay(spread(3.0))
    await played(replay, clock)
    again = await played(replay, clock)

    assert [at for at, _ in again] == pytest.approx([12, 15, 18, 21, 24])


async def test_what_is_not_known_takes_its_time_and_is_left_out() -> None:
    replay = Replay([Recorded(at=1.0), *spread(0.0, 1)], speed=math.inf)
    items = replay.items()

    assert await anext(items) == happened(0)
    await items.aclose()
    assert Replay([]).clock() == 0.0


async def test_nothing_can_be_done_to_a_replay() -> None:
    with pytest.raises(PermissionDenied, match="this is a replay"):
        await Replay([]).call("PUT", "/api/nodes/x/drain", {})
    with pytest.raises(PermissionDenied, match="this is a replay"):
        Replay([]).client()


@given(
    st.sampled_from([snapshot(), connected(), broken(), happened(3), curves(2)[0]]),
    st.floats(0, 2e9),
)
def test_a_line_holds_its_item(item: FeedItem, at: float) -> None:
    assert (recorded(at, item).item, recorded(at, item).at) == (item, at)
