"""*Consensus*: nodes of different owners answer the same, and a majority decides.

As many are asked at once as make a majority of `replicas`. When they agree that is
all; while they do not, one more is asked, and then another, up to a limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import anyio
from anyio.to_thread import run_sync

from clubai.client.answer import Agreement
from clubai.client.forgetting import forgetting
from clubai.client.modes.driver import JobDriver, Reply
from clubai.client.modes.nodes import Offering, alike, owners, shares
from clubai.client.modes.outcome import Outcome
from clubai.client.modes.question import Question
from clubai.comparing import (
    Candidate,
    Comparator,
    Judgement,
    choose_comparator,
    judge,
    majority,
)
from clubai.crypto.attestation import VerdictValue
from clubai.dividing.options import Dividing
from clubai.dividing.plan import Plan, Step
from clubai.errors import ConnectionLost, PlanError, TaskError, TaskFailed
from clubai.model import FailCode, NodeId
from clubai.splitting import estimate_tokens
from clubai.transport.bell import Bell

STEADY: Final[Mapping[str, Any]] = MappingProxyType({"temperature": 0, "seed": 0})
"""What a request is given, unless it says otherwise: answers differ by chance else."""

_BY_FORM: Final = frozenset({"text", "exact"})
"""Ways to compare that give way to the form that answers have."""


class Consensus:
    """One job in this mode."""

    def __init__(
        self,
        question: Question,
        dividing: Dividing,
        nodes: Sequence[Offering],
        options: dict[str, Any],
    ) -> None:
        self._question = question
        self._dividing = dividing
        self._options = options
        same = tuple(nodes) if dividing.mixed else alike(nodes)
        self._shares = shares(same, dividing.replicas_at_most)
        if len(self._shares) < 2:
            raise PlanError(
                "consensus needs two nodes that offer the model, and there is one: "
                "use the mode 'single', or a model that more nodes have"
            )
        self._replicas = min(dividing.replicas, len(self._shares))
        self._owners = min(owners(same), len(self._shares))
        self._asked_for = comparator_for(question, dividing, options)
        self._comparator = self._asked_for
        self._replies: dict[str, Reply] = {}
        self._errors: list[TaskError] = []
        self._judgement: Judgement | None = None

    def plan(self, model: str, max_tokens: int) -> Plan:
        """The replicas, those that may not be needed too."""
        sure = majority(self._replicas)
        prompt = sum(estimate_tokens(str(m)) for m in self._question.messages)
        return Plan(
            mode="consensus",
            model=model,
            note=self._note(),
            steps=tuple(
                Step(
                    id=f"replica-{number}",
                    kind="replica",
                    title=f"compared as {self._comparator.kind}",
                    prompt_tokens=prompt,
                    max_tokens=max_tokens,
                    perhaps=number > sure,
                )
                for number in range(1, len(self._shares) + 1)
            ),
        )

    async def run(self, driver: JobDriver, plan: Plan) -> Outcome:
        """Ask, and judge.

        Raises:
            TaskError: no node answered.
        """
        driver.expect(plan)
        steady = {
            name: value for name, value in STEADY.items() if name not in self._options
        }
        waiting = list(zip(plan.steps, self._shares, strict=True))
        needed = wanted = majority(self._replicas)
        under_way = 0
        ended = Bell()

        async def ask(step: Step, share: tuple[NodeId, ...], *, first: bool) -> None:
            nonlocal under_way
            try:
                await self._ask(driver, step, share, steady, first=first)
            finally:
                under_way -= 1
                ended.ring()

        async with anyio.create_task_group() as tasks:
            while True:
                while waiting and under_way < wanted:
                    step, share = waiting.pop(0)
                    first = step is plan.steps[0]
                    under_way += 1
                    work = partial(ask, step, share, first=first)
                    tasks.start_soon(forgetting, work)
                if not under_way:
                    break
                await ended.wait()
                judged = 0
                while judged < len(self._replies):  # others may come in meanwhile
                    judged = len(self._replies)
                    await self._judge()
                if self._settled:
                    break
                # A failed one is replaced; beyond the majority they come one by one.
                wanted = max(needed - len(self._replies), under_way, 1)
            tasks.cancel_scope.cancel()
        for step in plan.steps:
            if step.id not in driver.reports:
                driver.leave_out(step)
        await self._complain()
        return self._outcome()

    async def _complain(self) -> None:
        """Say whose answer is unlike those that agree: a mark, and no proof."""
        if self._judgement is None:
            return
        with suppress(ConnectionLost):  # the answer is here all the same
            for label in self._judgement.outliers:
                await self._replies[label].complain(VerdictValue.MINORITY)

    async def _ask(
        self,
        driver: JobDriver,
        step: Step,
        share: tuple[NodeId, ...],
        steady: dict[str, Any],
        *,
        first: bool,
    ) -> None:
        def show(piece: str) -> None:
            driver.offer(step, piece)

        try:
            reply = await driver.ask(
                step,
                self._question.messages,
                pinned=share,
                more=steady,
                on_piece=show if first else None,
            )
        except TaskError as error:
            # With its traceback it would hold this frame, and this what holds it.
            self._errors.append(error.with_traceback(None))
        else:
            self._replies[reply.node.id] = reply

    async def _judge(self) -> None:
        candidates = [
            Candidate(
                label=label,
                text=reply.text,
                finish_reason=reply.finish_reason or "stop",
            )
            for label, reply in self._replies.items()
        ]

        def decide() -> tuple[Comparator, Judgement]:
            comparator = self._comparator_for(
                sorted(candidate.text for candidate in candidates)
            )
            return comparator, judge(
                candidates,
                comparator,
                replicas=self._replicas,
                prompt=self._question.text,
            )

        self._comparator, self._judgement = await run_sync(
            decide, abandon_on_cancel=True
        )

    def _comparator_for(self, answers: Sequence[str]) -> Comparator:
        """What the request asks for, unless a majority of the replicas cannot say it.

        Else a few bad answers that name no value could have all compared as texts, and
        a text is soon like another.
        """
        asked_for = self._asked_for
        without = sum(asked_for.extract(answer) is None for answer in answers)
        if asked_for.kind not in _BY_FORM and without < majority(self._replicas):
            return asked_for
        return comparator_for(self._question, self._dividing, self._options, answers)

    @property
    def _settled(self) -> bool:
        return self._judgement is not None and self._judgement.settled

    def _outcome(self) -> Outcome:
        judgement = self._judgement
        if judgement is None or not self._replies:
            raise self._errors.pop(0) if self._errors else _nobody()
        shown = judgement.chosen or judgement.leading or min(self._replies)
        reply = self._replies[shown]
        return Outcome(
            text=reply.text,
            finish_reason=reply.finish_reason,
            note=self._note(),
            agreement=self._agreement(judgement),
        )

    def _agreement(self, judgement: Judgement) -> Agreement:
        return Agreement(
            quorum=judgement.quorum,
            agreed=len(judgement.supporters),
            answers=len(self._replies),
            owners=min(self._owners, len(self._replies)),
            compared=self._comparator.kind,
            reason=judgement.reason,
            votes=tuple(vote.labels for vote in judgement.votes),
            dissent=judgement.dissent,
            candidates=()
            if judgement.quorum
            else tuple(
                (node, self._replies[node].text) for node in sorted(self._replies)
            ),
        )

    def _note(self) -> str:
        notes = []
        if self._replicas < self._dividing.replicas:
            notes.append(f"only {self._replicas} nodes can be asked")
        if self._owners < len(self._shares):
            have = "one owner" if self._owners == 1 else f"{self._owners} owners"
            notes.append(f"these nodes have {have}")
        return "; ".join(notes)


def comparator_for(
    question: Question,
    dividing: Dividing,
    options: dict[str, Any],
    answers: Sequence[str] = (),
) -> Comparator:
    """How the answers to a request are compared: by what it asks for, or by their form.

    Raises:
        PlanError: in the way that was asked for they cannot be.
    """
    form = options.get("response_format")
    try:
        return choose_comparator(
            question.text,
            form if isinstance(form, dict) else None,
            dividing.compare,
            tolerance=dividing.tolerance or None,
            answers=answers,
        )
    except ValueError as error:
        raise PlanError(f"answers cannot be compared so: {error}") from error


def _nobody() -> TaskError:
    return TaskFailed(FailCode.NO_CAPACITY, "no node answered")
