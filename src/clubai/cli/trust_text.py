"""What is trusted, and what was found, as people and programs read it."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from rich.table import Table

from clubai.cli import show
from clubai.client.remembered import Policy, Remembered
from clubai.client.verify import CLUB, Verified
from clubai.model import NICKNAME_LENGTH
from clubai.tui import look, plain


def fields(url: str, path: str, club: Remembered) -> dict[str, Any]:
    """The keys of `clubai trust show --json`."""
    return {
        "url": url,
        "file": path,
        "key": club.key,
        "checkpoint": club.checkpoint,
        "policy": club.policy,
        "pinned_nodes": club.pinned_nodes,
        "pinned_owners": club.pinned_owners,
        "nodes": [
            {"id": node, **msgspec.structs.asdict(seen)}
            for node, seen in sorted(club.nodes.items())
        ],
    }


def lines(url: str, club: Remembered) -> list[tuple[str, str]]:
    """What is trusted of a club, a label and a value each."""
    point = club.checkpoint
    log = f"{point.size} entries, {plain.name(point.origin)}" if point else "not seen"
    return [
        ("club", plain.name(url, 200)),
        ("key", club.key or "none is pinned yet: `clubai trust verify` pins it"),
        ("key log", log),
        ("asks", _policy_text(club.policy)),
        *(("pinned node", node) for node in club.pinned_nodes),
        *(("pinned owner", owner) for owner in club.pinned_owners),
    ]


def _policy_text(policy: Policy) -> str:
    if policy.owners:
        return "pinned nodes, and nodes of pinned owners"
    if policy.pinned:
        return "pinned nodes"
    if policy.min_age_days:
        return f"pinned nodes, and nodes {policy.min_age_days} days in the key log"
    return "any node of the club"


def seen_table(club: Remembered, *, plain_box: bool) -> Table:
    """The nodes that were seen, by id."""
    now = time.time()
    rows = [
        (
            node[:NICKNAME_LENGTH],
            str(seen.epoch),
            look.ago(now - seen.first_seen_ms / 1000),
            look.ago(now - seen.logged_ms / 1000) if seen.log_index >= 0 else "-",
            "yes" if node in club.pinned_nodes else "",
        )
        for node, seen in sorted(club.nodes.items())
    ]
    return show.rows_table(
        ("Node", "Epoch", "First seen", "In the log", "Pinned"),
        rows,
        plain_box=plain_box,
    )


def findings(found: Verified) -> list[str]:
    """What `clubai trust verify` found, a line each."""
    lines = [f"key {plain.name(found.key)}"]
    if found.size or not found.problems:
        lines.append(f"key log: {found.size} entries, as signed, nothing gone")
    if found.nodes:
        lines.append(f"nodes: {len(found.nodes)} with the keys that are in the log")
    for problem in found.problems:
        who = plain.name(problem.name)
        subject = who if problem.subject == CLUB else f"node {who}"
        lines.append(f"WRONG: {subject}: {plain.text(problem.reason)} ({problem.code})")
    if not found.problems:
        lines.append("all is well")
    return lines
