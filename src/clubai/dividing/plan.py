"""A plan: the steps of a job, what each needs, and what they may cost at most.

A plan is made before anything is asked, so it can be shown first. While it runs a
step may be left out (two replicas agree, a chunk says nothing), never added: its
bounds hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from clubai.dividing.options import Dividing
from clubai.errors import PlanError
from clubai.model import Mode, Value

StepKind = Literal["plan", "part", "replica", "map", "reduce", "merge"]


class Step(Value, frozen=True, kw_only=True):
    """One request to a node."""

    id: str
    kind: StepKind
    title: str = ""
    """A few words of what is asked, for people."""
    needs: tuple[str, ...] = ()
    """Steps whose answers it is given."""
    prompt_tokens: int = 0
    """An upper estimate; answers that it is given are counted at their longest."""
    max_tokens: int = 0
    """Of its answer; 0: as the node decides."""
    perhaps: bool = False
    """It may turn out not to be needed."""


class Bounds(NamedTuple):
    """What a plan costs at most when no node fails."""

    requests: int
    prompt_tokens: int
    completion_tokens: int
    """0: not bounded, as some answer is not."""


class Plan(Value, frozen=True, kw_only=True):
    """The steps of one job, in an order in which they can run."""

    mode: Mode
    model: str
    steps: tuple[Step, ...]
    note: str = ""
    """Why it is divided so, where that is not plain: a fallback, a lack of nodes."""
    expected_s: float | None = None
    """Seconds that it takes if every answer is at its longest; None: not known."""

    @property
    def width(self) -> int:
        """Steps of the level that has most of them: about as many can run at once."""
        return max(Counter(self._levels()).values(), default=0)

    @property
    def depth(self) -> int:
        """Steps that must wait for each other, in the longest row of them."""
        return max(self._levels(), default=0)

    @property
    def bounds(self) -> Bounds:
        """What it costs at most when no node fails."""
        unbounded = any(step.max_tokens == 0 for step in self.steps)
        return Bounds(
            requests=len(self.steps),
            prompt_tokens=sum(step.prompt_tokens for step in self.steps),
            completion_tokens=0
            if unbounded
            else sum(step.max_tokens for step in self.steps),
        )

    def _levels(self) -> list[int]:
        level: dict[str, int] = {}
        for step in self.steps:
            level[step.id] = 1 + max((level[need] for need in step.needs), default=0)
        return list(level.values())


def in_order(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Order steps so that each comes after all that it needs, else as they are.

    Raises:
        PlanError: two have one id, one needs what is not there, or they wait for each
            other in a circle.
    """
    known: set[str] = set()
    for step in steps:
        if step.id in known:
            raise PlanError(f"two parts have the id {step.id!r}")
        known.add(step.id)
    for step in steps:
        for need in step.needs:
            if need not in known:
                raise PlanError(f"part {step.id!r} needs {need!r}, which is not there")
    ordered: dict[str, Step] = {}
    left = list(steps)
    while left:
        ready = [s for s in left if all(need in ordered for need in s.needs)]
        if not ready:
            circle = ", ".join(repr(step.id) for step in left[:5])
            raise PlanError(f"parts wait for each other in a circle: {circle}")
        ordered |= {step.id: step for step in ready}
        left = [step for step in left if step.id not in ordered]
    return tuple(ordered.values())


def check_ceilings(plan: Plan, dividing: Dividing) -> None:
    """Refuse a plan that may pass the ceilings of its job.

    Raises:
        PlanError: it names both numbers.
    """
    bounds = plan.bounds
    if bounds.requests > dividing.max_parts:
        raise PlanError(
            f"the job takes up to {bounds.requests} requests, and `max_parts` is "
            f"{dividing.max_parts}: allow more, or ask for less"
        )
    budget, most = dividing.budget_tokens, bounds.completion_tokens
    if budget and not 0 < most <= budget:
        answers = f"up to {most} tokens" if most else "tokens without a bound"
        raise PlanError(
            f"the answers take {answers}, and `budget_tokens` is {budget}: "
            "allow more, or set shorter answers"
        )


def explain(plan: Plan) -> Iterator[str]:
    """Show a plan line by line, for `--explain`."""
    bounds = plan.bounds
    answers = f"{bounds.completion_tokens}" if bounds.completion_tokens else "unbounded"
    yield f"mode {plan.mode}, model {plan.model}"
    if plan.note:
        yield plan.note
    expected = "" if plan.expected_s is None else f", about {plan.expected_s:.0f} s"
    yield (
        f"{bounds.requests} requests at most, {plan.width} at once, "
        f"{plan.depth} in a row; tokens at most: {bounds.prompt_tokens} of prompts, "
        f"{answers} of answers{expected}"
    )
    for step in plan.steps:
        after = f" after {', '.join(step.needs)}" if step.needs else ""
        perhaps = ", perhaps" if step.perhaps else ""
        yield f"  {step.id} [{step.kind}{perhaps}]{after}: {step.title}"
