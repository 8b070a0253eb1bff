from __future__ import annotations

from collections import Counter
from pathlib import Path

import anyio
import pytest

from clubai.client import Client, Job
from clubai.client.comparison import Tags
from clubai.model import AnswerTag
from support.memory_club import MemoryClub, memory_club
from support.scripted_backend import ScriptedBackend, say

JOB = Job(kind="chat", model="m", body={"messages": []})


async def compared(club: MemoryClub, client: Client, *answers: str) -> Tags:
    """Ask each node's answer, and compare them."""
    for number, answer in enumerate(answers):
        await club.add(f"n{number}", ScriptedBackend(say(*answer.split()), slots=1))
    async with client.compare(len(answers)) as comparison:

        async def ask() -> None:
            async with client.run(comparison.job(JOB)) as run:
                async for _ in run:
                    pass

        async with anyio.create_task_group() as tasks:
            for _ in answers:
                tasks.start_soon(ask)
        with anyio.fail_after(5):
            return await comparison.tags()


async def test_answers_are_compared_and_the_coordinator_reads_none(
    tmp_path: Path,
) -> None:
    async with memory_club(tmp_path) as club, club.client() as client:
        tags = await compared(club, client, "Yes it is", "yes It is", "no")

    assert (len(tags.tags), tags.missing, tags.agreed) == (3, 0, 2)
    counts = Counter(tag.eq for tag in tags.tags)
    yes, also, no = sorted(range(3), key=lambda number: -counts[tags.tags[number].eq])
    assert tags.alike(yes, also) == 1.0
    assert tags.alike(yes, no) < 0.2


async def test_another_comparison_has_other_tags_for_the_same_answer(
    tmp_path: Path,
) -> None:
    async with memory_club(tmp_path) as club, club.client() as client:
        first = await compared(club, client, "same words", "same words")
        async with client.compare(2) as comparison:
            for job in comparison.jobs(JOB):
                async with client.run(job) as run:
                    async for _ in run:
                        pass
            second = await comparison.tags()

    assert first.agreed == second.agreed == 2
    assert first.tags[0].eq != second.tags[0].eq
    assert first.tags[0].sketch != second.tags[0].sketch


def test_without_answers_nobody_agrees() -> None:
    assert Tags((), 3).agreed == 0


@pytest.mark.parametrize(("other", "alike"), [(b"s" * 128, 1.0), (b"t" * 128, 0.0)])
def test_sketches_tell_how_alike_answers_are(other: bytes, alike: float) -> None:
    def tag(sketch: bytes) -> AnswerTag:
        return AnswerTag(task=b"", node=b"", eq=b"", sketch=sketch)

    assert Tags((tag(b"s" * 128), tag(other)), 0).alike(0, 1) == alike
