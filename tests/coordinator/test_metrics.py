from __future__ import annotations

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from clubai.coordinator.coordinator import Coordinator
from clubai.coordinator.metrics import render_metrics
from support.memory_club import memory_club
from support.scripted_backend import ScriptedBackend

GAUGES = (
    "nodes_alive",
    "nodes_known",
    "slots",
    "slots_used",
    "tasks_queued",
    "tasks_running",
    "members",
)
COUNTERS = (
    "tasks_done",
    "tasks_failed",
    "tasks_retried",
    "prompt_tokens",
    "completion_tokens",
)


def read(coordinator: Coordinator) -> dict[str, float]:
    """The samples, as Prometheus reads them; every family has a text."""
    families = list(
        text_string_to_metric_families(render_metrics(coordinator).decode())
    )
    assert all(family.documentation for family in families)
    samples = [sample for family in families for sample in family.samples]
    assert all(sample.labels == {} for sample in samples)
    return {sample.name: sample.value for sample in samples}


async def test_a_fresh_club_counts_from_nothing(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        samples = read(club.coordinator)

    assert samples == {
        **{f"clubai_{name}": 0.0 for name in GAUGES},
        **{f"clubai_{name}_total": 0.0 for name in COUNTERS},
    }


async def test_every_count_is_the_one_of_the_stats(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        await club.add("attic", ScriptedBackend(slots=3))
        async with club.client() as client:
            await client.ask("Q", model="m")
        club.coordinator.feed.members = 4

        samples = read(club.coordinator)
        stats = club.coordinator.feed.stats()

    for name in GAUGES:
        assert samples[f"clubai_{name}"] == getattr(stats, name)
    for name in COUNTERS:
        assert samples[f"clubai_{name}_total"] == getattr(stats, name)
    assert samples["clubai_slots"] == 3
    assert samples["clubai_members"] == 4
    assert samples["clubai_tasks_done_total"] == 1
    assert samples["clubai_completion_tokens_total"] == 2


async def test_asking_twice_is_no_registration_twice(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        assert render_metrics(club.coordinator) == render_metrics(club.coordinator)
