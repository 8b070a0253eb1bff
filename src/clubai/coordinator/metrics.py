"""Counts for Prometheus, read from the machine when somebody asks for them."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from clubai.coordinator.coordinator import Coordinator

_GAUGES = {
    "nodes_alive": "Nodes that answer",
    "nodes_known": "Nodes that are connected or were lately",
    "slots": "Slots of the nodes that answer",
    "slots_used": "Slots that work",
    "tasks_queued": "Requests that wait for a slot",
    "tasks_running": "Requests that a node works on",
    "members": "Accounts",
}
_COUNTERS = {
    "tasks_done": "Requests answered since the start",
    "tasks_failed": "Requests refused or failed since the start",
    "tasks_retried": "Attempts that were given to another node",
    "prompt_tokens": "Prompt tokens of answered requests",
    "completion_tokens": "Completion tokens of answered requests",
}

MetricFamily = GaugeMetricFamily | CounterMetricFamily


class _ClubCollector(Collector):
    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator

    def collect(self) -> list[MetricFamily]:
        stats = self._coordinator.feed.stats()
        gauges = [
            GaugeMetricFamily(f"clubai_{name}", text, value=getattr(stats, name))
            for name, text in _GAUGES.items()
        ]
        counters = [
            CounterMetricFamily(f"clubai_{name}", text, value=getattr(stats, name))
            for name, text in _COUNTERS.items()
        ]
        return [*gauges, *counters]


def render_metrics(coordinator: Coordinator) -> bytes:
    """The coordinator's metrics in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_ClubCollector(coordinator))
    return generate_latest(registry)
