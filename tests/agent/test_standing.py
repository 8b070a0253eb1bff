from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest

from clubai.agent.backends.base import BackendInfo
from clubai.agent.standing import MOST_WANTED, Standing
from clubai.model import ModelOffer

MODELS = (ModelOffer(name="m"),)


def info(
    models: tuple[ModelOffer, ...] = MODELS,
    *,
    slots: int = 2,
    most_slots: int = 0,
    version: str = "1",
) -> BackendInfo:
    return BackendInfo(
        kind="ollama",
        version=version,
        url="",
        models=models,
        slots=slots,
        most_slots=most_slots,
    )


def announces(standing: Standing, act: Callable[[], None]) -> bool:
    """Whether `act` is something the club should hear of at once."""
    changed = standing.changed
    act()
    assert changed.is_set() == (standing.changed is not changed)
    return changed.is_set()


def test_a_look_is_taken_over_and_told_when_it_is_new() -> None:
    standing = Standing()

    assert announces(standing, lambda: standing.update(info()))
    assert (standing.models, standing.slots) == (MODELS, 2)
    assert standing.backend == "ollama 1"
    assert not announces(standing, lambda: standing.update(info()))
    assert announces(standing, lambda: standing.update(info(slots=3)))
    assert announces(standing, lambda: standing.update(info(())))


def test_another_version_alone_is_not_told() -> None:
    standing = Standing()
    standing.update(info())

    assert not announces(standing, lambda: standing.update(info(version="")))
    assert standing.backend == "ollama"


def test_a_backend_that_is_gone_offers_nothing_and_comes_back() -> None:
    standing = Standing()
    standing.update(info())

    assert announces(standing, standing.lose_backend)
    assert (standing.models, standing.slots) == ((), 2)
    assert not announces(standing, standing.lose_backend)
    assert announces(standing, lambda: standing.update(info()))
    assert standing.models == MODELS


def test_a_pause_is_told_and_keeps_the_models() -> None:
    standing = Standing()
    standing.update(info())

    assert announces(standing, standing.pause)
    assert (standing.paused, standing.models) == (True, MODELS)
    assert announces(standing, standing.resume)
    assert not standing.paused


def test_a_drain_is_told_and_keeps_the_models() -> None:
    standing = Standing()
    standing.update(info())

    assert announces(standing, standing.drain)
    assert (standing.draining, standing.models) == (True, MODELS)


def test_the_owner_may_want_other_slots_than_the_backend_offers() -> None:
    standing = Standing()
    standing.update(info(slots=2))

    assert announces(standing, lambda: standing.want_slots(5))
    assert standing.slots == 5
    assert not announces(standing, lambda: standing.want_slots(5))
    assert not announces(standing, lambda: standing.update(info(slots=3)))
    assert announces(standing, lambda: standing.want_slots(0))
    assert standing.slots == 3


def test_what_the_server_can_do_at_most_bounds_what_is_wanted() -> None:
    standing = Standing()
    standing.update(info(slots=2, most_slots=4))
    standing.want_slots(8)
    assert standing.slots == 4

    assert announces(standing, lambda: standing.update(info(slots=2, most_slots=6)))
    assert (standing.slots, standing.wanted_slots) == (6, 8)


@pytest.mark.parametrize("wanted", [-1, MOST_WANTED + 1])
def test_a_wish_out_of_range_changes_nothing(wanted: int) -> None:
    standing = Standing()
    standing.update(info())

    with pytest.raises(ValueError, match="1 to 64"):
        standing.want_slots(wanted)

    assert (standing.slots, standing.wanted_slots) == (2, 0)


async def test_whoever_waits_for_the_drain_is_not_woken_by_a_pause() -> None:
    standing = Standing()
    woken = anyio.Event()

    async def wait() -> None:
        await standing.wait_draining()
        woken.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        standing.pause()
        await anyio.wait_all_tasks_blocked()
        assert not woken.is_set()
        standing.drain()
    assert woken.is_set()


async def test_a_look_is_due_after_its_time() -> None:
    with anyio.fail_after(5):
        await Standing().wait_due(0.01)


@pytest.mark.parametrize("before", [True, False])
async def test_a_surprise_makes_a_look_due_at_once_and_once(before: bool) -> None:
    standing = Standing()
    done: list[int] = []

    async def wait() -> None:
        for number in range(2):
            await standing.wait_due(3600)
            done.append(number)

    async with anyio.create_task_group() as tasks:
        if before:
            standing.look_again()
        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        if not before:
            assert done == []
            standing.look_again()
            await anyio.wait_all_tasks_blocked()
        assert done == [0]
        tasks.cancel_scope.cancel()
