"""Rows of results: as a table for people, with the budget beside them."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from benchmarks.load import LoadResult

CPU_MS_PER_REQUEST: Final = 2.0
"""The coordinator's budget for one request that is not streamed."""
CPU_MS_PER_TOKEN: Final = 0.15
"""The coordinator's budget for one streamed token, all else included."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One load on one target."""

    target: Literal["direct", "club"]
    streamed: bool
    at_once: int
    load: LoadResult
    coordinator_cpu_s: float = 0.0
    agents_cpu_s: float = 0.0
    coordinator_mb: float = 0.0

    @property
    def cpu_ms_per_request(self) -> float:
        return 1000 * self.coordinator_cpu_s / max(1, self.load.requests)

    @property
    def cpu_ms_per_token(self) -> float:
        return 1000 * self.coordinator_cpu_s / max(1, self.load.tokens)

    @property
    def agents_ms_per_request(self) -> float:
        return 1000 * self.agents_cpu_s / max(1, self.load.requests)


class IdleResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a coordinator pays for nodes that do nothing."""

    nodes: int
    lost: int
    join_cpu_ms: float
    """Of one node: login, handshake and registration."""
    kb_per_node: float
    heartbeats: int
    cpu_us_per_heartbeat: float
    cpu_percent: float
    """Of one processor, for all heartbeats of all nodes."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the budget."""

    what: str
    measured: float
    budget: float

    @property
    def kept(self) -> bool:
        return self.measured <= self.budget


def verdicts(rows: list[Row]) -> list[Verdict]:
    found = []
    for row in rows:
        if row.target != "club":
            continue
        kind = "streamed token" if row.streamed else "request"
        found.append(
            Verdict(
                what=f"coordinator CPU ms per {kind}, {row.at_once} at once",
                measured=(
                    row.cpu_ms_per_token if row.streamed else row.cpu_ms_per_request
                ),
                budget=CPU_MS_PER_TOKEN if row.streamed else CPU_MS_PER_REQUEST,
            )
        )
    return found


def verdict_line(verdict: Verdict) -> str:
    word = "kept" if verdict.kept else "BROKEN"
    share = verdict.measured / verdict.budget
    return (
        f"  {word:<7}{verdict.what}: {verdict.measured:.4f} of {verdict.budget:.4g} "
        f"(x {share:.2f})"
    )


HEAD: Final = (
    f"{'target':<8}{'kind':<10}{'at once':>8}{'req/s':>10}{'tok/s':>10}"
    f"{'first p50':>11}{'first p95':>11}{'per token':>11}"
    f"{'cpu/req':>9}{'cpu/tok':>9}{'agents/req':>12}{'MB':>7}{'errors':>8}"
)
UNITS: Final = "times in ms; cpu of the coordinator's process unless it says agents"


def line(row: Row) -> str:
    load = row.load
    text = (
        f"{row.target:<8}{'stream' if row.streamed else 'whole':<10}{row.at_once:>8}"
        f"{load.per_second:>10.1f}{load.tokens / load.seconds:>10.0f}"
        f"{load.first_token_ms[0]:>11.2f}{load.first_token_ms[1]:>11.2f}"
        f"{load.per_token_ms:>11.3f}"
    )
    if row.target == "club":
        text += (
            f"{row.cpu_ms_per_request:>9.3f}{row.cpu_ms_per_token:>9.4f}"
            f"{row.agents_ms_per_request:>12.3f}{row.coordinator_mb:>7.0f}"
        )
    else:
        text += f"{'':>37}"
    return text + f"{load.errors:>8}"


def added(rows: list[Row]) -> list[str]:
    """What the club adds to the same load on the backend alone."""
    direct = {(r.streamed, r.at_once): r.load for r in rows if r.target == "direct"}
    lines = []
    for row in rows:
        base = direct.get((row.streamed, row.at_once))
        if row.target != "club" or base is None or not base.requests:
            continue
        kind = "stream" if row.streamed else "whole"
        first = row.load.first_token_ms[0] - base.first_token_ms[0]
        share = row.load.per_second / base.per_second
        lines.append(
            f"{kind:<7}{row.at_once:>4} at once: first token {first:+.2f} ms, "
            f"requests/s x {share:.3f}"
        )
    return lines


def idle_lines(idle: IdleResult) -> list[str]:
    sent = f"{idle.heartbeats} sent, {idle.cpu_percent:.1f} % of one processor"
    return [
        f"{idle.nodes} idle nodes on sockets ({idle.lost} lost):",
        f"  memory per node          {idle.kb_per_node:.1f} KiB",
        f"  CPU to join, per node    {idle.join_cpu_ms:.2f} ms",
        f"  CPU per heartbeat        {idle.cpu_us_per_heartbeat:.0f} us ({sent})",
    ]
