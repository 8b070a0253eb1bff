"""The questions that are under way: each is asked, followed to its end, or stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from clubai.client import Client
from clubai.errors import ClubAIError
from clubai.model import Mode, NodeSnapshot
from clubai.protocol.messages import Notice
from clubai.tui.asking import Asking
from clubai.tui.conversation import (
    WITH_EARLIER,
    Conversation,
    Exchange,
    room_for_messages,
)
from clubai.tui.line import Held, Line, Run
from clubai.tui.source import Source
from clubai.tui.telling import why


class Questions:
    """Asks, and keeps what runs for each question until it has ended.

    What becomes of a question stands in its exchange. Nothing is waited for here.
    """

    def __init__(self, source: Callable[[], Source], run: Run) -> None:
        self._source = source
        self._run = run
        """Runs what follows a question, as long as its owner lives."""
        self._line = Line(source, run)
        self._held: dict[Exchange, Held] = {}

    def ask(
        self,
        talk: Conversation,
        question: str,
        *,
        model: str,
        mode: Mode,
        asking: Asking,
        nodes: Iterable[NodeSnapshot],
    ) -> None:
        """Add a question to a conversation, and ask it.

        Where the mode takes them, the earlier exchanges go along that fit into the
        smallest context among `nodes`.
        """
        room = room_for_messages(nodes, model, asking)
        earlier = talk.earlier(question, room=room) if mode in WITH_EARLIER else ()
        self._start(
            talk.begin(
                question,
                model=model,
                mode=mode,
                now=self._now(),
                earlier=earlier,
                asking=asking,
            )
        )

    def ask_again(self, talk: Conversation, old: Exchange) -> None:
        """Ask the same in the same way, after the same messages."""
        self._start(
            talk.begin(
                old.question,
                model=old.model,
                mode=old.mode,
                now=self._now(),
                earlier=old.earlier,
                asking=old.asking,
                again=old,
            )
        )

    def stop(self, exchange: Exchange) -> None:
        """Leave the node that answers; one that has ended stays as it is."""
        held = self._held.pop(exchange, None)
        if held is not None:
            held.cancel()
        exchange.stop(self._now())

    def close(self) -> None:
        """Stop all of them, and hang up."""
        for exchange in list(self._held):
            self.stop(exchange)
        self._line.close()

    def _now(self) -> float:
        return self._source().clock()

    def _start(self, exchange: Exchange) -> None:
        self._held[exchange] = self._run(self._ask(exchange))

    async def _ask(self, exchange: Exchange) -> None:
        try:
            await self._follow(exchange, await self._line.client())
        except asyncio.CancelledError:
            exchange.stop(self._now())
            raise
        except ClubAIError as error:
            exchange.fail(why(error), self._now())
        finally:
            self._held.pop(exchange, None)

    async def _follow(self, exchange: Exchange, client: Client) -> None:
        def wait(notice: Notice) -> None:
            exchange.wait(notice.text or notice.code, notice.position)

        async with client.stream(
            exchange.messages,
            model=exchange.model,
            system=exchange.asking.system,
            mode=exchange.mode,
            on_wait=wait,
            on_progress=exchange.step,
            **exchange.asking.options,
        ) as pieces:
            exchange.seen = getattr(pieces, "run", None)  # a divided job has several
            async for piece in pieces:
                exchange.grow(piece)
            exchange.finish(pieces.answer, self._now())
