"""*Subtasks*: parts run on different nodes, and their answers are merged.

The parts are given by the caller, found in the prompt, or planned by a model. A part
that fails is named in the answer and sinks no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import anyio
from msgspec.structs import replace

from clubai.client.forgetting import forgetting
from clubai.client.modes.driver import JobDriver
from clubai.client.modes.nodes import Offering, context
from clubai.client.modes.outcome import Outcome
from clubai.client.modes.question import Question
from clubai.dividing.options import Dividing
from clubai.dividing.plan import Plan, Step, check_ceilings
from clubai.dividing.planner import (
    plan_format,
    planner_messages,
    planner_tokens,
    read_plan,
    repair_messages,
    worth_dividing,
)
from clubai.dividing.subtasks import (
    NamedPart,
    concat,
    found,
    given,
    merge_messages,
    part_prompt,
    plan_of,
)
from clubai.errors import PlanError, TaskError, TaskFailed
from clubai.model import FailCode
from clubai.splitting import estimate_tokens

PLAN_TOKENS: Final = 768
"""The longest plan that a model may write."""
_MOST_PLANNED: Final = 12
_AROUND_AN_ANSWER: Final = 32
"""Tokens around one that is quoted in another prompt, at most."""
_FOR_PLANNING: Final = 3
"""Requests that planning takes at most, the repair and the merge included."""
_PLANNED: Final = "the parts are planned by a model when the job runs"
_NO_PLAN: Final = frozenset(
    {FailCode.UNSUPPORTED, FailCode.BAD_REQUEST, FailCode.CONTEXT_LENGTH_EXCEEDED}
)
"""Failures of a planner after which the question can be asked undivided."""


class Subtasks:
    """One job in this mode."""

    def __init__(
        self,
        question: Question,
        dividing: Dividing,
        nodes: Sequence[Offering],
        options: dict[str, Any],
    ) -> None:
        del options
        self._question = question
        self._dividing = dividing
        self._context = context(nodes)
        self._parts = self._known_parts()
        self._note = ""
        self._asked = question.text or "\n".join(part.title for part in self._parts)
        self._cut = False

    def plan(self, model: str, max_tokens: int) -> Plan:
        """The parts and the merge; where a model plans them, the request for that."""
        self._model, self._part_tokens = model, max_tokens
        if self._parts:
            return self._plan_of(self._parts)
        return self._plan_unknown()

    async def run(self, driver: JobDriver, plan: Plan) -> Outcome:
        """Plan where that is to be done, ask the parts, and merge.

        Raises:
            PlanError: what was planned is over a ceiling.
            TaskError: no part came to an answer.
        """
        if self._parts:
            driver.expect(plan)
        parts = self._parts or await self._planned(driver, plan.steps[0])
        if not self._parts and not worth_dividing(parts):
            return await self._alone(driver)
        whole = self._plan_of(parts) if not self._parts else plan
        if not self._parts:
            check_ceilings(whole, self._left(driver))
            driver.expect(whole)
        answers = await self._ask_all(driver, parts, whole)
        if all(answer is None for answer in answers.values()):
            raise TaskFailed(FailCode.BACKEND, "every part failed; `parts` says why")
        return await self._merge(driver, parts, whole, answers)

    def _known_parts(self) -> tuple[NamedPart, ...]:
        if self._dividing.parts:
            return given(self._dividing.parts)
        in_prompt = found(self._question.text)
        return in_prompt.parts if in_prompt else ()

    def _plan_unknown(self) -> Plan:
        """At most so much, whatever a model plans: those steps have other names."""
        most = self._most_planned
        question, longest = self._asked, self._part_tokens
        asking = planner_tokens(question, most=most, count=estimate_tokens)
        plan = Step(
            id="plan",
            kind="plan",
            title="which parts are there?",
            prompt_tokens=asking,
            max_tokens=PLAN_TOKENS,
        )
        part = Step(
            id="part",
            kind="part",
            title="as planned",
            needs=("plan",),
            prompt_tokens=PLAN_TOKENS + most * (longest + _AROUND_AN_ANSWER),
            max_tokens=longest,
            perhaps=True,
        )
        parts = [replace(part, id=f"part-{number}") for number in range(1, most + 1)]
        again = replace(
            plan, id="repair", prompt_tokens=asking + 2 * PLAN_TOKENS, perhaps=True
        )
        merge = replace(
            part,
            id="merge",
            kind="merge",
            title="one answer from all",
            needs=tuple(each.id for each in parts),
            prompt_tokens=part.prompt_tokens + estimate_tokens(question),
        )
        return Plan(
            mode="subtasks",
            model=self._model,
            note=_PLANNED,
            steps=(plan, again, *parts, merge),
        )

    @property
    def _most_planned(self) -> int:
        """Raises `PlanError`: the ceiling leaves no room for two parts."""
        most = min(self._dividing.max_parts - _FOR_PLANNING, _MOST_PLANNED)
        if most < 2:
            raise PlanError(
                f"`max_parts` is {self._dividing.max_parts}, which leaves no room for "
                "parts beside planning and merging: allow more, or give the parts"
            )
        return most

    def _plan_of(self, parts: Sequence[NamedPart]) -> Plan:
        return plan_of(
            self._asked,
            parts,
            model=self._model,
            merge=self._dividing.merge,
            count=estimate_tokens,
            part_tokens=self._part_tokens,
            answer_tokens=self._part_tokens,
            context_tokens=estimate_tokens(self._question.system),
            note=self._note,
        )

    def _left(self, driver: JobDriver) -> Dividing:
        """The ceilings, less what planning has taken."""
        asked = len(driver.reports)
        spent = driver.usage.completion_tokens
        budget = self._dividing.budget_tokens
        return replace(
            self._dividing,
            max_parts=max(self._dividing.max_parts - asked, 1),
            budget_tokens=max(budget - spent, 1) if budget else 0,
        )

    async def _planned(self, driver: JobDriver, step: Step) -> tuple[NamedPart, ...]:
        """The parts that a model plans; none when it plans nothing of use."""
        question = self._question.text
        most = self._most_planned
        messages = planner_messages(question, most=most)
        planning = {"response_format": plan_format(most), "temperature": 0}
        for attempt in ("plan", "repair"):
            asked = replace(step, id=attempt)
            try:
                reply = await driver.ask(asked, messages, more=planning)
                return read_plan(reply.text, most=most)
            except PlanError as error:
                self._note = f"the plan of the model was of no use: {error}"
                messages = repair_messages(question, reply.text, str(error), most=most)
            except TaskError as error:
                if error.code not in _NO_PLAN:
                    raise
                self._note = f"no plan was made: {error}"
                break
        return ()

    async def _alone(self, driver: JobDriver) -> Outcome:
        """Ask the question undivided, and say so."""
        step = Step(
            id="single",
            kind="part",
            title="asked undivided",
            max_tokens=self._part_tokens,
        )
        reply = await driver.ask(step, self._question.messages)
        note = self._note or "the model sees no parts in it"
        return Outcome(
            text=reply.text,
            finish_reason=reply.finish_reason,
            note=f"asked of one node, undivided: {note}",
        )

    async def _ask_all(
        self, driver: JobDriver, parts: Sequence[NamedPart], plan: Plan
    ) -> dict[str, str | None]:
        """Ask each part once all that it needs have ended."""
        steps = {step.id: step for step in plan.steps}
        ended = {part.id: anyio.Event() for part in parts}
        answers: dict[str, str | None] = {}

        async def ask(part: NamedPart) -> None:
            for need in part.needs:
                await ended[need].wait()
            prompt = part_prompt(part, answers)
            try:
                reply = await driver.ask(steps[part.id], self._asking(prompt))
                answers[part.id] = reply.text
                self._cut |= reply.finish_reason == "length"
            except TaskError:
                answers[part.id] = None
            finally:
                ended[part.id].set()

        async with anyio.create_task_group() as tasks:
            for part in parts:
                tasks.start_soon(forgetting, partial(ask, part))
        return {part.id: answers[part.id] for part in parts}

    def _asking(self, prompt: str) -> tuple[dict[str, Any], ...]:
        return self._question.asking(prompt)

    async def _merge(
        self,
        driver: JobDriver,
        parts: Sequence[NamedPart],
        plan: Plan,
        answers: dict[str, str | None],
    ) -> Outcome:
        missing = [part.id for part in parts if answers[part.id] is None]
        notes = [self._note] if self._note else []
        if missing:
            notes.append(f"without the parts that failed: {', '.join(missing)}")
        text = concat(parts, answers)
        ended = "length" if self._cut else "stop"
        step = next((step for step in plan.steps if step.kind == "merge"), None)
        if step is None:
            return Outcome(text=text, finish_reason=ended, note="; ".join(notes))
        messages = merge_messages(self._asked, parts, answers)
        size = sum(estimate_tokens(str(each["content"])) for each in messages)
        if size + step.max_tokens > self._context:
            driver.leave_out(step)
            notes.append(
                f"joined and not merged: the answers take about {size} tokens, and a "
                f"node holds {self._context}"
            )
            return Outcome(text=text, finish_reason=ended, note="; ".join(notes))
        try:
            reply = await driver.ask(step, messages)
        except TaskError as error:
            notes.append(f"joined and not merged: {error}")
            return Outcome(text=text, finish_reason=ended, note="; ".join(notes))
        return Outcome(
            text=reply.text, finish_reason=reply.finish_reason, note="; ".join(notes)
        )
