"""*Context*: a document too long for one node is read in chunks and reduced in a tree.

Every passage is asked about on its own; what the nodes found is reduced, level by
level, until it fits one request. Each note keeps the passages that it comes from.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import anyio
from anyio.to_thread import run_sync
from msgspec.structs import replace

from clubai.client.forgetting import forgetting
from clubai.client.modes.driver import JobDriver, Reply
from clubai.client.modes.nodes import Offering, context
from clubai.client.modes.outcome import Outcome
from clubai.client.modes.question import Question, split_question
from clubai.dividing.citing import Citation, citations
from clubai.dividing.context import Passage, map_messages, passages
from clubai.dividing.mapreduce import Sizes, plan_of, sizes_of
from clubai.dividing.marks import strip_marks
from clubai.dividing.options import Dividing, Document
from clubai.dividing.plan import Plan, Step
from clubai.dividing.reducing import (
    Note,
    groups,
    merged,
    notes_of,
    reduce_messages,
    reduced_note,
)
from clubai.errors import TaskError

SAYS_NOTHING: Final = "The document says nothing about it."
MOST_NAMED: Final = 10
"""Passages that failed and are named; the rest is counted."""


class Context:
    """One job in this mode."""

    def __init__(
        self,
        question: Question,
        dividing: Dividing,
        nodes: Sequence[Offering],
        options: dict[str, Any],
    ) -> None:
        asked, document = question.text, ""
        if not dividing.documents:
            asked, document = split_question(asked)
            dividing = replace(dividing, documents=(Document(text=document),))
        if not asked and dividing.purpose == "answer":
            dividing = replace(dividing, purpose="summarise")
        self._asked = asked
        self._dividing = dividing
        self._system = question.system
        self._context = context(nodes)
        self._answer_tokens = int(options.get("max_tokens") or 0)
        self._sizes: Sizes
        self._passages: tuple[Passage, ...] = ()

    def plan(self, model: str, max_tokens: int) -> Plan:
        """A request for each passage, and those that reduce what they say."""
        dividing = self._dividing
        if max_tokens and not dividing.part_tokens:
            dividing = replace(dividing, part_tokens=max_tokens)
        self._sizes = sizes_of(
            self._context,
            question=self._asked,
            options=dividing,
            system=self._system,
            answer_tokens=self._answer_tokens or max_tokens,
        )
        self._passages = passages(
            dividing.documents,
            chunk_tokens=self._sizes.chunk,
            overlap_tokens=dividing.overlap_tokens,
        )
        return plan_of(
            self._passages,
            self._sizes,
            model=model,
            question=self._asked,
            options=dividing,
            system=self._system,
        )

    async def run(self, driver: JobDriver, plan: Plan) -> Outcome:
        """Ask about each passage, and reduce.

        Raises:
            TaskError: no passage was answered, or the last request failed.
        """
        driver.expect(plan)
        steps = {step.id: step for step in plan.steps}
        replies = await self._map(driver, steps)
        answers = {number: reply.text for number, reply in replies.items()}
        notes = notes_of(self._passages, answers)
        last: Reply | None
        if len(self._passages) == 1:
            last = replies[self._passages[0].number]
            text = last.text
        else:
            last, text = await self._reduce(driver, steps, notes)
        if last is None and len(notes) == 1:
            last = replies[notes[0].passages[0]]
        for step in plan.steps:
            if step.id not in driver.reports:
                driver.leave_out(step)
        cited: tuple[Citation, ...] = ()
        if self._dividing.cite:
            cited = await run_sync(partial(citations, text, notes, self._passages))
        return Outcome(
            text=text if self._dividing.cite else strip_marks(text),
            finish_reason=(last.finish_reason if last else "") or "stop",
            note=self._note(answers),
            citations=cited,
        )

    async def _map(self, driver: JobDriver, steps: dict[str, Step]) -> dict[int, Reply]:
        replies: dict[int, Reply] = {}
        errors: list[TaskError] = []

        async def ask(passage: Passage) -> None:
            messages = map_messages(
                passage, self._asked, self._dividing, system=self._system
            )
            try:
                reply = await driver.ask(steps[f"map-{passage.number}"], messages)
            except TaskError as error:
                # With its traceback it would hold this frame, and this what holds it.
                errors.append(error.with_traceback(None))
            else:
                replies[passage.number] = reply

        async with anyio.create_task_group() as tasks:
            for passage in self._passages:
                tasks.start_soon(forgetting, partial(ask, passage))
        if not replies:
            raise errors.pop(0)
        return replies

    async def _reduce(
        self, driver: JobDriver, steps: dict[str, Step], notes: list[Note]
    ) -> tuple[Reply | None, str]:
        """The final reply and its text; None: one note or none was left by itself.

        A prompt of the caller's own for the reduction is asked for a single note, too:
        it may want a form that no note has.
        """
        level = 0
        while len(notes) > 1 or (notes and self._dividing.reduce_prompt):
            packed = await run_sync(
                partial(
                    groups,
                    notes,
                    room=self._sizes.room,
                    part_tokens=self._sizes.part,
                )
            )
            if len(packed) == 1:
                reply = await driver.ask(
                    steps["merge"], self._messages(notes, final=True)
                )
                return reply, reply.text
            level += 1
            notes = merged(await self._level(driver, steps, level, packed))
        return None, notes[0].text if notes else SAYS_NOTHING

    async def _level(
        self,
        driver: JobDriver,
        steps: dict[str, Step],
        level: int,
        packed: list[list[Note]],
    ) -> list[Note]:
        made: list[Note | None] = [None] * len(packed)

        async def reduce(place: int) -> None:
            group = packed[place]
            if len(group) == 1:
                made[place] = group[0]
                return
            step = steps[f"reduce-{level}-{place + 1}"]
            reply = await driver.ask(step, self._messages(group, final=False))
            made[place] = reduced_note(reply.text, group)

        async with anyio.create_task_group() as tasks:
            for place in range(len(packed)):
                tasks.start_soon(forgetting, partial(reduce, place))
        return [note for note in made if note is not None]

    def _messages(self, notes: Sequence[Note], *, final: bool) -> list[dict[str, Any]]:
        return list(
            reduce_messages(
                notes, self._asked, self._dividing, final=final, system=self._system
            )
        )

    def _note(self, answers: dict[int, str]) -> str:
        missing = [each.number for each in self._passages if each.number not in answers]
        if not missing:
            return ""
        named = ", ".join(map(str, missing[:MOST_NAMED]))
        more = len(missing) - MOST_NAMED
        return f"without the passages that failed: {named}" + (
            f" and {more} more" if more > 0 else ""
        )
