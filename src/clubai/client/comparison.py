"""Answers compared by tags: the coordinator sees which are alike, and none of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from msgspec.structs import replace

from clubai.client.job import Compared, Job
from clubai.client.mailbox import Mailbox
from clubai.crypto.agreement import estimate
from clubai.crypto.keys import random_bytes
from clubai.model import AnswerTag
from clubai.protocol.messages import TaskTags


class Tags(NamedTuple):
    """The tags of all answers that came."""

    tags: tuple[AnswerTag, ...]
    missing: int
    """Jobs that gave no answer, or not in time."""

    @property
    def agreed(self) -> int:
        """How many answers say the same: the largest number that do."""
        return max(Counter(tag.eq for tag in self.tags).values(), default=0)

    def alike(self, first: int, second: int) -> float:
        """How much of two answers is the same: an estimate from 0 to 1."""
        return estimate(self.tags[first].sketch, self.tags[second].sketch)


class Comparison:
    """One comparison; made by `Client.compare`."""

    def __init__(self, size: int, mailbox: Mailbox) -> None:
        self._shared = Compared(key=random_bytes(32), group=random_bytes(16), size=size)
        self._mailbox = mailbox

    @property
    def group(self) -> bytes:
        """What names it on the wire."""
        return self._shared.group

    def job(self, job: Job) -> Job:
        """The same job as a part of this comparison."""
        return replace(job, compared=self._shared)

    def jobs(self, job: Job) -> Iterable[Job]:
        """The same job, as often as the comparison has room for."""
        return [self.job(job)] * self._shared.size

    async def tags(self) -> Tags:
        """Wait for the tags: they come when all jobs have ended.

        Raises:
            ConnectionLost: the coordinator is gone.
        """
        while True:
            message = await self._mailbox.take()
            if isinstance(message, TaskTags):
                return Tags(message.tags, message.missing)
