"""An agent in a thread of this process, and the owner's view of it.

The agent has an event loop of its own: neither it nor the screen waits for the other.
What it tells is put into one place a few times a second, where the screen finds the
newest.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import TYPE_CHECKING, Final, Literal, TypeVar

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal

from clubai.errors import ClubAIError

if TYPE_CHECKING:
    from clubai.agent.agent import Agent
    from clubai.agent.config import BackendConfig
    from clubai.agent.view import AgentSnapshot

T = TypeVar("T")
OpenAgent = Callable[[], AbstractAsyncContextManager["Agent"]]
EVERY_S: Final = 0.3
"""Between two snapshots."""
ACT_S: Final = 20.0
"""Longest an act may take: a look at a model server has its own, shorter limit."""


class AgentThread:
    """The source of an agent that `agent_in_thread` runs."""

    def __init__(
        self,
        portal: BlockingPortal,
        open_it: OpenAgent,
        *,
        phase: str = "",
        tell: Callable[[BaseException], str] = str,
    ) -> None:
        self.phase = phase
        self.snapshot: AgentSnapshot | None = None
        self.error: Exception | None = None
        """What has ended it; None: nothing, or it has drained."""
        self.ended = False
        self._portal = portal
        self._open = open_it
        self._tell = tell
        self._agent: Agent | None = None

    @property
    def failure(self) -> str:
        """Why it ended; see `OwnerSource`."""
        return "" if self.error is None else self._tell(self.error)

    @staticmethod
    def clock() -> float:
        """This machine's time."""
        return time.time()

    async def pause(self, on: bool) -> None:
        """Take no new work, or take it again; see `OwnerSource`."""
        await self._do(lambda agent: agent.pause(on))

    async def drain(self) -> None:
        """Take no new work any more; see `OwnerSource`."""
        await self._do(lambda agent: agent.drain())

    async def look(self) -> bool:
        """Look at the model server now; see `OwnerSource`."""
        return await self._do(lambda agent: agent.look())

    async def set_slots(self, wanted: int) -> int:
        """Take so many requests at once; see `OwnerSource`."""
        return await self._do(lambda agent: agent.set_slots(wanted))

    async def try_now(self) -> None:
        """Connect at once; see `OwnerSource`."""
        await self._do(lambda agent: agent.try_now())

    async def run(self) -> None:
        """Keep the agent open until it has drained. What ends it is in `error`."""
        try:
            async with self._open() as agent, anyio.create_task_group() as tasks:
                self._agent = agent
                tasks.start_soon(self._watch, agent)
                await agent.drained()
                tasks.cancel_scope.cancel()
        except Exception as error:  # noqa: BLE001 - it is raised where the screen ends
            self.error = error
        finally:
            self._agent = None
            self.ended = True

    async def _watch(self, agent: Agent) -> None:
        while True:
            self.snapshot = agent.snapshot()
            await anyio.sleep(EVERY_S)

    async def _do(self, act: Callable[[Agent], Awaitable[T] | T]) -> T:
        agent = self._agent
        if agent is None:
            raise ClubAIError("the agent does not run")

        async def doing() -> T:
            done = act(agent)
            result = await done if isinstance(done, Awaitable) else done
            self.snapshot = agent.snapshot()
            return result

        try:
            async with asyncio.timeout(ACT_S):
                return await asyncio.wrap_future(self._portal.start_task_soon(doing))
        except TimeoutError:
            raise ClubAIError(f"it was not done within {ACT_S:.0f} s") from None
        except (ValueError, RuntimeError) as error:
            raise ClubAIError(str(error)) from error


@contextmanager
def agent_in_thread(
    open_it: OpenAgent,
    *,
    loop: Literal["asyncio", "trio"] = "trio",
    phase: str = "",
    tell: Callable[[BaseException], str] = str,
) -> Iterator[AgentThread]:
    """Run an agent in a thread of its own until the context is left.

    It returns at once, while the agent still starts. Left, the agent is closed as a
    signal would close it: what runs is given to other nodes.

    Args:
        open_it: Opens the agent.
        loop: Of the thread.
        phase: What is done first, for people.
        tell: What to say of an error that ended it.
    """
    with start_blocking_portal(loop, name="clubai-agent") as portal:
        thread = AgentThread(portal, open_it, phase=phase, tell=tell)
        running = portal.start_task_soon(thread.run)
        try:
            yield thread
        finally:
            running.cancel()


def starting(config: BackendConfig) -> str:
    """What an agent does before it can join, for people."""
    if config.embedded:
        return (
            "Starting the embedded model on this machine. The first time it is "
            "fetched: 98 MB."
        )
    if config.url:
        return f"Looking for a model server at {config.url}."
    return "Looking for a model server on this machine."
