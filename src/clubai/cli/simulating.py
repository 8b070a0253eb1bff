"""Runs a simulation over this machine's cores, and shows how far it is."""

from __future__ import annotations

import gc
import multiprocessing
import os
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing.sharedctypes import Synchronized
from typing import Final, NamedTuple

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from clubai.cli import show
from clubai.sim.plan import Plan, shards
from clubai.sim.simulation import simulate
from clubai.sim.tally import Result, together
from clubai.sim.world import Told

_LOOK_S: Final = 0.2
_days_done: Synchronized[int] | None = None
"""In a process of the pool: the days that all of them have simulated."""


class Simulated(NamedTuple):
    """What a plan came to."""

    result: Result
    clubs: int
    seconds: float


def run_plan(plan: Plan, processes: int | None) -> Simulated:
    """Simulate a plan, with a bar on stderr when that is a terminal.

    Args:
        plan: What to simulate.
        processes: 1: one club in this process, however large. Else at most so many
            processes, None: as many as there are cores, and large clubs are halved.
    """
    began = time.monotonic()
    clubs = [plan] if processes == 1 else shards(plan)
    at_once = min(processes or os.cpu_count() or 1, len(clubs))
    console = show.console(stderr=True)
    with Progress(
        TextColumn("simulating"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f} days"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        shown = bar.add_task("", total=plan.days)

        def told(days: int) -> None:
            bar.update(shown, completed=days / len(clubs))

        if at_once == 1:
            results = _one_by_one(clubs, told)
        else:
            results = _at_once(clubs, at_once, told)
    return Simulated(together(results), len(clubs), time.monotonic() - began)


def _one_by_one(clubs: Sequence[Plan], told: Told) -> list[Result]:
    results: list[Result] = []
    for club in clubs:
        before = len(results) * club.days

        def count(day: int, before: int = before) -> None:
            told(before + day)

        results.append(simulate(club, count))
    return results


def _at_once(clubs: Sequence[Plan], at_once: int, told: Told) -> list[Result]:
    context = multiprocessing.get_context("spawn")
    days = context.Value("q", 0)
    with ProcessPoolExecutor(
        at_once, mp_context=context, initializer=_begin, initargs=(days,)
    ) as pool:
        futures = [pool.submit(_simulate, club) for club in clubs]
        open_ones: set[Future[Result]] = set(futures)
        while open_ones:
            _, open_ones = wait(open_ones, _LOOK_S, return_when=FIRST_COMPLETED)
            told(days.value)
        return [future.result() for future in futures]


def _begin(days: Synchronized[int]) -> None:
    global _days_done
    _days_done = days
    gc.disable()  # nothing that a simulation makes refers to itself


def _simulate(club: Plan) -> Result:
    return simulate(club, _count_day)


def _count_day(day: int) -> None:
    if _days_done is not None:
        with _days_done.get_lock():
            _days_done.value += 1
