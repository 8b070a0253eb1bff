"""One divided job from the request to the answer with its provenance."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, Protocol, Self

import msgspec
from anyio.to_thread import run_sync
from msgspec.structs import replace

from clubai.client.answer import Answer, NodeUsed
from clubai.client.modes.consensus import Consensus
from clubai.client.modes.context import Context
from clubai.client.modes.driver import JobDriver, RunJob
from clubai.client.modes.nodes import Offering, expected_s, offering, slots
from clubai.client.modes.outcome import Outcome
from clubai.client.modes.progress import OnProgress
from clubai.client.modes.question import Question
from clubai.client.modes.subtasks import Subtasks
from clubai.dividing.options import TOOLS, Dividing, check, read_dividing
from clubai.dividing.plan import Plan, check_ceilings
from clubai.errors import ConfigError, LocalProtocolError, lone_errors
from clubai.model import ClubSnapshot, Privacy, ReadableBy

LEAST_PART_TOKENS: Final = 16
"""A budget that leaves less for each answer is too small."""
DEFAULT_PART_TOKENS: Final = 512
"""The longest answer of a part where the request does not bound it."""


_BOUNDS: Final = ("max_completion_tokens", "max_tokens")
"""What bounds an answer; a part has a bound of its own, by the last name."""


class Mode(Protocol):
    """What a mode does with a job."""

    def plan(self, model: str, max_tokens: int) -> Plan:
        """What is asked, as far as that is known before anything is."""

    async def run(self, driver: JobDriver, plan: Plan) -> Outcome:
        """Ask it. Raises `TaskError`, `PlanError`."""


class Prepared(NamedTuple):
    """What is known of a job before anything is asked; good for one answer."""

    mode: Mode
    plan: Plan
    nodes: tuple[Offering, ...]


class Divided:
    """One job; `plan` shows it, `answer` runs it. Made by `Client.divide`."""

    def __init__(
        self,
        question: Question,
        dividing: Dividing,
        options: dict[str, Any],
        *,
        run: RunJob,
        snapshot: Callable[[], Awaitable[ClubSnapshot]],
        model: str,
        readable_by: ReadableBy,
        privacy: Privacy,
        wait_s: float,
        deadline_s: float,
        on_progress: OnProgress | None = None,
    ) -> None:
        check(dividing)
        if dividing.mode == "single":
            raise ConfigError(
                "mode",
                dividing.mode,
                "it is one request and has no plan; subtasks, consensus and context "
                "divide a job",
            )
        for name in TOOLS:
            if options.get(name):
                raise ConfigError(
                    name,
                    f"{len(options[name])} of them",
                    "a divided job calls no tools: leave them out, or use the mode "
                    "'single'",
                )
        self.model = model
        self._question = question
        self._dividing = dividing
        self._options = _with_one_bound(options)
        self._run = run
        self._snapshot = snapshot
        self._readable_by: ReadableBy = readable_by
        self._privacy: Privacy = privacy
        self._wait_s = wait_s
        self._deadline_s = deadline_s
        self._on_progress = on_progress
        self._prepared: Prepared | None = None
        self._driver: JobDriver | None = None

    @property
    def offered(self) -> bool:
        """Whether a node was offered a part: something may have been spent."""
        return self._driver is not None and self._driver.offered

    async def plan(self) -> Plan:
        """What would be asked, before anything is; within the ceilings.

        The next `answer` asks just that, of the nodes that there are now.

        Raises:
            PlanError: it cannot be divided so, or is over a ceiling.
            TaskRejected: no node offers the model.
            ConnectionLost: the coordinator is gone.
        """
        self._prepared = await self._prepare()
        _, plan, nodes = self._prepared
        return replace(plan, expected_s=expected_s(plan, nodes))

    async def answer(self) -> Answer:
        """Run it; cancelling this stops every part on its node.

        Raises:
            PlanError: it cannot be divided so, or is over a ceiling.
            TaskRejected, TaskFailed: it came to no answer.
            ConnectionLost: the coordinator is gone.
        """
        prepared, self._prepared = self._prepared, None
        mode, plan, nodes = prepared or await self._prepare()
        driver = self._driver = JobDriver(
            self._run,
            model=self.model,
            mode=self._dividing.mode,
            readable_by=self._readable_by,
            options=self._options,
            privacy=self._privacy,
            wait_s=self._wait_s,
            deadline_s=self._deadline_s,
            # Some more than there are slots: a node that gets free finds work waiting.
            at_once=slots(nodes) + len(nodes),
            tell=self._on_progress,
        )
        with lone_errors():
            outcome = await mode.run(driver, plan)
        return self._answer(driver, outcome)

    async def _prepare(self) -> Prepared:
        nodes = offering((await self._snapshot()).nodes, self.model)
        mode = self._mode(nodes)
        # A long document takes seconds to split.
        plan = await run_sync(self._plan_of, mode, abandon_on_cancel=True)
        check_ceilings(plan, self._dividing)
        return Prepared(mode, plan, nodes)

    def _plan_of(self, mode: Mode) -> Plan:
        """The plan, with shorter answers where the budget leaves no more."""
        plan = mode.plan(self.model, self._part_tokens)
        budget, most = self._dividing.budget_tokens, plan.bounds.completion_tokens
        if not 0 < budget < most or self._dividing.part_tokens:
            return plan
        shorter = max(max(step.max_tokens for step in plan.steps) * budget // most, 1)
        return mode.plan(self.model, shorter) if shorter >= LEAST_PART_TOKENS else plan

    def _mode(self, nodes: tuple[Offering, ...]) -> Mode:
        kinds: dict[str, Callable[..., Mode]] = {
            "consensus": Consensus,
            "subtasks": Subtasks,
            "context": Context,
        }
        make = kinds[self._dividing.mode]
        return make(self._question, self._dividing, nodes, self._options)

    @property
    def _part_tokens(self) -> int:
        """The longest answer of a part; 0: *context* chooses by the nodes' context."""
        asked = self._options.get("max_tokens") or 0
        default = 0 if self._dividing.mode == "context" else DEFAULT_PART_TOKENS
        return self._dividing.part_tokens or asked or default

    def _answer(self, driver: JobDriver, outcome: Outcome) -> Answer:
        reports = driver.in_order
        nodes = {
            node.id: NodeUsed(id=node.id, name=node.name)
            for report in reports
            for node in report.nodes
        }
        return Answer(
            text=outcome.text,
            model=self.model,
            mode=self._dividing.mode,
            nodes=tuple(nodes.values()),
            attempts=sum(report.attempts for report in reports),
            usage=driver.usage,
            timings=driver.timings,
            readable_by=self._readable_by,
            task=next((report.task for report in reports if report.task), ""),
            finish_reason=outcome.finish_reason,
            parts=reports,
            agreement=outcome.agreement,
            citations=outcome.citations,
            note=outcome.note,
        )


class DividedStream:
    """The answer to a divided job: iterate for its text, then read `answer`."""

    def __init__(self, divided: Divided) -> None:
        self._divided = divided
        self._answer: Answer | None = None

    def __aiter__(self) -> Self:
        """All of the text, as one piece."""
        return self

    async def __anext__(self) -> str:
        """The text.

        Raises:
            PlanError, TaskRejected, TaskFailed, ConnectionLost: as `Divided.answer`.
        """
        if self._answer is not None:
            raise StopAsyncIteration
        self._answer = await self._divided.answer()
        return self._answer.text

    @property
    def answer(self) -> Answer:
        """The answer, once the iteration has ended."""
        if self._answer is None:
            raise LocalProtocolError("the answer is not there yet: iterate first")
        return self._answer


def _with_one_bound(options: dict[str, Any]) -> dict[str, Any]:
    """The options with `max_tokens` alone as the bound; -1 is none, as elsewhere."""
    rest = {name: value for name, value in options.items() if name not in _BOUNDS}
    bounds = [options[name] for name in _BOUNDS if options.get(name) not in (None, -1)]
    return {**rest, "max_tokens": bounds[0]} if bounds else rest


FIELDS: Final = frozenset(Dividing.__struct_fields__)


def take_dividing(
    mode: str, options: dict[str, Any]
) -> tuple[Dividing, dict[str, Any]]:
    """Tell the options of the mode apart from those of the model's server.

    Raises:
        ConfigError: one of the mode's options cannot be used.
    """
    own = {name: value for name, value in options.items() if name in FIELDS}
    rest = {name: value for name, value in options.items() if name not in FIELDS}
    plain = msgspec.to_builtins({"mode": mode, **own})
    return read_dividing(plain), rest
