from __future__ import annotations

import anyio

from clubai.transport.bell import Bell


async def test_a_ring_wakes_who_waits() -> None:
    bell, woken = Bell(), []

    async def wait() -> None:
        await bell.wait()
        woken.append(True)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        assert not woken
        bell.ring()

    assert woken == [True]


async def test_rings_that_nobody_waits_for_are_kept_as_one() -> None:
    bell = Bell()
    bell.ring()
    bell.ring()

    with anyio.fail_after(5):
        await bell.wait()
    with anyio.move_on_after(0.01) as second:
        await bell.wait()
    assert second.cancelled_caught


async def test_it_rings_again_and_again() -> None:
    there, back, turns = Bell(), Bell(), 100

    async def answer() -> None:
        for _ in range(turns):
            await there.wait()
            back.ring()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(answer)
            for _ in range(turns):
                there.ring()
                await back.wait()


async def test_a_ring_that_comes_with_the_cancel_is_not_lost() -> None:
    bell = Bell()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bell.wait)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
        bell.ring()

    with anyio.fail_after(5):
        await bell.wait()


async def test_a_ring_after_a_cancelled_wait_wakes_the_next_one() -> None:
    bell = Bell()
    with anyio.move_on_after(0.01):
        await bell.wait()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bell.wait)
        await anyio.wait_all_tasks_blocked()
        with anyio.fail_after(5):
            bell.ring()
