"""Divided jobs whose nodes are killed, and ones that are cancelled."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import pytest
from anyio.abc import ByteReceiveStream

from clubai.client import Answer, Client
from clubai.client.modes.progress import Progress
from clubai.model import ClubSnapshot
from support.divided_club import backend, divided_club
from support.paced_club import MODEL, model_server, paced_club
from support.scripted_backend import say

AGENTS = 5
KILLED = 2
SLOTS = 4
PARTS = 40
TOKENS = 16
RATE = 8
"""Tokens a second: an answer lasts two seconds."""
ENDED = 10
"""Parts that have ended when nodes are killed: fewer than there are slots."""
BEGUN_S = 0.5
"""After which a quarter of an answer is written."""
LIVE = ("offered", "running", "replying")


def subtasks() -> dict[str, Any]:
    parts = [{"prompt": f"part {number}"} for number in range(1, PARTS + 1)]
    return {"mode": "subtasks", "parts": parts, "merge": "concat"}


def context() -> dict[str, Any]:
    sentences = "Here is a sentence of a paragraph that fills one passage. " * 8
    text = "\n\n".join(f"{number} {sentences}" for number in range(PARTS))
    document = {"text": text, "kind": "text"}
    return {"mode": "context", "documents": [document], "chunk_tokens": 250}


JOBS = {"part": subtasks, "map": context}
"""By the kind of step that is killed."""


def under_way(snapshot: ClubSnapshot, node: str) -> set[str]:
    """The tasks of a node whose answers are begun, and not whole."""
    now = snapshot.stats.now
    return {
        task.id
        for task in snapshot.tasks
        if task.node == node
        and task.state in ("running", "replying")
        and now - task.created_at - task.queued_ms / 1000 > BEGUN_S
    }


@asynccontextmanager
async def ticks(server: str) -> AsyncIterator[ByteReceiveStream]:
    """A clock: an answer of the model server, a piece of it with each token."""
    address = urlsplit(server)
    body = json.dumps({"model": MODEL, "stream": True, "max_tokens": 60 * RATE})
    head = f"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: {len(body)}\r\n\r\n"
    async with await anyio.connect_tcp(str(address.hostname), address.port or 0) as tcp:
        await tcp.send((head + body).encode())
        yield tcp


async def kill_some(
    club: Client, pids: dict[str, int], clock: ByteReceiveStream
) -> dict[str, set[str]]:
    """Kill nodes in the middle of answers; returns their tasks, by the node's id.

    A node is stopped and looked at again: it may have ended its answers meanwhile.
    """
    killed: dict[str, set[str]] = {}
    while len(killed) < KILLED:
        await clock.receive()
        snapshot = await club.snapshot()
        assert any(task.state in LIVE for task in snapshot.tasks), "it is too late"
        left = [node for node in pids if node not in killed]
        node = max(left, key=lambda node: len(under_way(snapshot, node)))
        if not under_way(snapshot, node):
            continue
        os.kill(pids[node], signal.SIGSTOP)
        if tasks := under_way(await club.snapshot(), node):
            os.kill(pids[node], signal.SIGKILL)
            killed[node] = tasks
        else:
            os.kill(pids[node], signal.SIGCONT)
    return killed


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("anyio_backend", "kind"), [("asyncio", "part"), ("trio", "map")]
)
async def test_what_killed_nodes_had_under_way_is_done_again(
    tmp_path: Path, kind: str
) -> None:
    answers: list[Answer] = []
    well_under_way = anyio.Event()

    def look(progress: Progress) -> None:
        if progress.state == "done" and progress.done == ENDED:
            well_under_way.set()

    with (
        model_server(rate=RATE, slots=SLOTS) as server,
        paced_club(tmp_path, server, agents=AGENTS) as up,
    ):
        ready = up.ready()
        ids = [node["id"] for node in ready["nodes"]]
        pids = dict(zip(ids, ready["pids"]["agents"], strict=True))
        async with Client.connect(ready["coordinator"], ready["api_key"]) as club:

            async def ask() -> None:
                answer = await club.ask(
                    "Do all of it.",
                    model=MODEL,
                    part_tokens=TOKENS,
                    max_parts=3 * PARTS,
                    on_progress=look,
                    **JOBS[kind](),
                )
                answers.append(answer)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask)
                await well_under_way.wait()
                async with ticks(server) as clock:
                    killed = await kill_some(club, pids, clock)
            stats = (await club.snapshot()).stats

    check(answers[0], kind, killed)
    done = [part for part in answers[0].parts if part.state == "done"]
    assert stats.tasks_done == len(done)
    assert stats.tasks_failed == 0
    assert stats.completion_tokens == answers[0].usage.completion_tokens
    assert stats.tasks_retried == answers[0].attempts - len(done)


def check(answer: Answer, kind: str, killed: dict[str, set[str]]) -> None:
    parts = [part for part in answer.parts if part.kind == kind]
    assert len(parts) >= PARTS
    assert len({part.id for part in parts}) == len(parts)
    assert len({part.task for part in parts}) == len(parts)
    assert {part.state for part in parts} == {"done"}
    assert {part.text for part in parts} == {"tok " * TOKENS}
    assert answer.note == ""
    if kind == "part":
        assert answer.text.count("tok") == PARTS * TOKENS
        heads = [line for line in answer.text.splitlines() if line.startswith("###")]
        assert heads == [f"### {n}: part {n}" for n in range(1, PARTS + 1)]

    again = [part for part in parts if part.attempts > 1]
    lost = set[str]().union(*killed.values())
    assert {part.task for part in again} & lost
    for part in parts:
        assert len(part.nodes) == part.attempts
        assert {node.id for node in part.nodes[:-1]} <= killed.keys()
        if part.attempts > 1:
            assert part.nodes[-1].id not in killed
    # whoever answers is named, and whoever was given work that is lost
    assert {node.id for node in answer.nodes} == {
        node.id for part in answer.parts for node in part.nodes
    }
    assert killed.keys() <= {node.id for node in answer.nodes}

    done = [part for part in answer.parts if part.state == "done"]
    assert answer.attempts == sum(part.attempts for part in done) > len(done)
    assert answer.usage.completion_tokens == len(done) * TOKENS
    assert answer.usage.prompt_tokens == sum(p.usage.prompt_tokens for p in done)
    assert all(part.usage.completion_tokens == TOKENS for part in done)


NODES = 3
CANCELLED: dict[str, dict[str, Any]] = {
    "subtasks": {"parts": [{"prompt": f"part {n}"} for n in range(PARTS)]},
    "context": {
        "documents": [{"text": "\n\n".join(["It is a long day. " * 30] * PARTS)}],
        "chunk_tokens": 300,
        "max_parts": 3 * PARTS,
    },
    "consensus": {"replicas": NODES},
}


@pytest.mark.parametrize("mode", CANCELLED)
async def test_a_job_that_is_cancelled_frees_all_slots(
    tmp_path: Path, mode: str
) -> None:
    never = anyio.Event()
    quick = 0 if mode == "consensus" else ENDED

    def answer(_body: dict[str, Any]) -> Any:
        nonlocal quick
        quick -= 1
        return say("a few words")(_body) if quick >= 0 else [never]

    nodes = [backend(answer) for _ in range(NODES)]
    busy = 2 if mode == "consensus" else 2 * NODES
    async with divided_club(tmp_path, nodes) as (_, club):

        async def ask() -> None:
            await club.ask("Do all of it.", mode=mode, **CANCELLED[mode])

        async def until_used(slots: int) -> ClubSnapshot:
            async with club.watch(interval_s=0.05) as snapshots:
                async for seen in snapshots:
                    if sum(node.slots_used for node in seen.nodes) == slots:
                        return seen
            raise AssertionError

        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask)
                while sum(node.running for node in nodes) < busy or quick > 0:
                    await until_used(busy)
                tasks.cancel_scope.cancel()
            asked = sum(len(node.asked) for node in nodes)
            seen = await until_used(0)
            assert not [t for t in seen.tasks if t.state in ("queued", *LIVE)]
            while any(node.running for node in nodes):
                await anyio.lowlevel.checkpoint()
        assert asked == sum(len(node.asked) for node in nodes)

        # each slot can be used again, all of them at once
        together = anyio.Event()

        def meet(body: dict[str, Any]) -> Any:
            if sum(node.running for node in nodes) == 2 * NODES:
                together.set()
            return [together, *say("hello")(body)]

        for node in nodes:
            node.answer = meet
        with anyio.fail_after(10):
            found = await club.map(["hi"] * (2 * NODES))
        assert all(isinstance(each, Answer) for each in found)
