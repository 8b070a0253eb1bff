"""What the demo asks, and the questions and answers of one demo."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from typing import Final

from clubai.client import Answer, Client
from clubai.errors import TaskError
from clubai.tui.samples import DEMO

KEPT: Final = 4


@dataclass
class Exchange:
    """One question and its answer so far."""

    question: str
    text: str = ""
    failure: str = ""
    answer: Answer | None = None
    """Set when the answer is whole."""


class Talk:
    """The latest exchanges, newest last; `changed` is called at every change."""

    def __init__(self, client: Client, changed: Callable[[], None]) -> None:
        self.exchanges: deque[Exchange] = deque(maxlen=KEPT)
        self._client = client
        self._changed = changed
        self._samples = cycle(DEMO.samples)

    def next_sample(self) -> str:
        """The next of the prepared questions."""
        return next(self._samples)

    async def ask(self, question: str) -> Exchange:
        """Ask, and keep the exchange; a refusal or failure is kept with it."""
        exchange = Exchange(question)
        self.exchanges.append(exchange)
        self._changed()
        try:
            async with self._client.stream(
                question, system=DEMO.system, **DEMO.options
            ) as pieces:
                async for piece in pieces:
                    exchange.text += piece
                    self._changed()
                exchange.answer = pieces.answer
        except TaskError as error:
            exchange.failure = error.message
        self._changed()
        return exchange
