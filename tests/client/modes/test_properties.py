"""Whatever nodes answer, fail at and in whatever order: what a plan promises holds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any, Protocol, cast

import anyio
from anyio.lowlevel import checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st

from clubai.client.job import Job
from clubai.client.modes.consensus import Consensus
from clubai.client.modes.context import Context
from clubai.client.modes.driver import TRIES, JobDriver
from clubai.client.modes.nodes import Offering
from clubai.client.modes.outcome import Outcome
from clubai.client.modes.question import Question
from clubai.client.modes.subtasks import Subtasks
from clubai.client.run import Run
from clubai.crypto.attestation import VerdictValue
from clubai.dividing.options import Dividing, Document, Part
from clubai.dividing.plan import Plan
from clubai.errors import TaskError, TaskFailed, lone_errors
from clubai.model import FailCode, NodeId, Timings, Usage, node_text
from clubai.protocol.records import Choice
from clubai.splitting import estimate_tokens
from support.scripted_backend import stop, word

FAILURES = (FailCode.BACKEND, FailCode.NODE_LOST, FailCode.UNSUPPORTED)
MOST_TURNS = 12
"""How often others come first before an answer ends, at most."""
WORDS = ("the", "ship", "sailed", "on", "Monday", "with", "24", "boxes", "and", "why")

seeds = st.integers(0, 1 << 16)
shares = st.sampled_from((0.0, 0.2, 0.5, 0.9))


class Mode(Protocol):
    def plan(self, model: str, max_tokens: int) -> Plan: ...

    async def run(self, driver: JobDriver, plan: Plan) -> Outcome: ...


class Nodes:
    """Nodes whose outcomes depend on what is asked, and their order on `order`."""

    def __init__(self, seed: int, failing: float, order: int) -> None:
        self.jobs: list[Job] = []
        self._seed = seed
        self._failing = failing
        self._order = order
        self._tries: dict[str, int] = {}

    @asynccontextmanager
    async def run(self, job: Job) -> AsyncIterator[Run]:
        self.jobs.append(job)
        # whose it is matters where all are asked the same
        asked = f"{prompt_of(job)} of {job.pinned!r}"
        tries = self._tries[asked] = self._tries.get(asked, 0) + 1
        chance = Random(f"{self._seed} {tries} {asked}")  # noqa: S311
        turns = Random(f"{self._order} {tries} {asked}").randrange(MOST_TURNS)  # noqa: S311
        yield cast("Run", FakeRun(job, chance, self._failing, turns))


class FakeRun:
    """What `AnswerStream` and `JobDriver` look at in a `Run`."""

    def __init__(self, job: Job, chance: Random, failing: float, turns: int) -> None:
        self.job = job
        self.model = job.model
        self.readable_by = "node"
        self.task = "task"
        self.node = node_text(job.pinned[0]) if job.pinned else "node"
        self.node_name = "name"
        self.nodes = [(self.node, self.node_name)]
        self.attempts = 1
        self.usage = Usage()
        self.timings = Timings()
        self._turns = turns
        self._left = None if chance.random() < failing else answer_of(job, chance)
        self._code = chance.choice(FAILURES)

    async def complain(self, value: VerdictValue) -> None:
        """Nobody hears it."""

    def __aiter__(self) -> FakeRun:
        return self

    async def __anext__(self) -> list[Choice]:
        for _ in range(self._turns):
            await checkpoint()
        if self._left is None:
            raise TaskFailed(self._code, "it broke")
        if not self._left:
            raise StopAsyncIteration
        text, self._left = self._left, ""
        self.usage = Usage(
            prompt_tokens=tokens_of(self.job),
            completion_tokens=estimate_tokens(text),
        )
        return [word(text), stop()]


def prompt_of(job: Job) -> str:
    return "\n".join(str(message["content"]) for message in job.body["messages"])


def tokens_of(job: Job) -> int:
    return sum(estimate_tokens(str(each["content"])) for each in job.body["messages"])


def answer_of(job: Job, chance: Random) -> str:
    """A text of at most as many tokens as the job allows."""
    most = chance.randint(1, job.body["max_tokens"])
    if chance.random() < 0.2:
        return "NONE"
    text = "Yes"
    while estimate_tokens(longer := f"{text} {chance.choice(WORDS)}") <= most:
        text = longer
    return text


def offerings(number: int, context: int) -> list[Offering]:
    return [
        Offering(NodeId(bytes([n]) * 32), f"owner{n}", 2, 2, context, 0.0, "")
        for n in range(1, number + 1)
    ]


class Ended:
    """A job that ran to its end, and what it took."""

    def __init__(self, mode: Mode, plan: Plan, driver: JobDriver, nodes: Nodes) -> None:
        self.mode, self.plan, self.driver, self.nodes = mode, plan, driver, nodes
        self.outcome: Outcome | None = None
        self.error: TaskError | None = None

    def check_bounds(self) -> None:
        bounds = self.plan.bounds
        steps = {step.id: step for step in self.plan.steps}
        assert len(self.nodes.jobs) <= bounds.requests * TRIES
        assert self.driver.usage.completion_tokens <= bounds.completion_tokens
        assert self.driver.reports.keys() <= steps.keys()
        for report in self.driver.reports.values():
            assert report.attempts <= TRIES
            assert report.usage.completion_tokens <= steps[report.id].max_tokens
            assert report.usage.prompt_tokens <= steps[report.id].prompt_tokens
        allowed = sorted(step.max_tokens for step in self.plan.steps)
        for job in self.nodes.jobs:
            assert job.max_tokens == job.body["max_tokens"]
            assert job.max_tokens in allowed
        if self.error is None:
            assert self.driver.reports.keys() == steps.keys()

    @property
    def result(self) -> Any:
        """All that a member sees of it, but for times; of errors that there was one."""
        if self.outcome is None:
            return "error"
        return (
            self.outcome,
            self.driver.usage,
            [
                (report.id, report.state, report.text, report.attempts, report.error)
                for report in self.driver.in_order
            ],
        )


async def run(
    make: Callable[[], Mode], tokens: int, nodes: Nodes, at_once: int
) -> Ended:
    mode = make()
    plan = mode.plan("m", tokens)
    driver = JobDriver(
        nodes.run,
        model="m",
        mode=plan.mode,
        readable_by="node",
        options={},
        wait_s=60,
        deadline_s=60,
        at_once=at_once,
    )
    ended = Ended(mode, plan, driver, nodes)
    try:
        with lone_errors():
            ended.outcome = await mode.run(driver, plan)
    except TaskError as error:
        ended.error = error
    return ended


def question(text: str) -> Question:
    return Question(messages=({"role": "user", "content": text},))


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Part, ...]:
    """Parts that need some of those before them, in any order."""
    number = draw(st.integers(1, 9))
    parts = [
        Part(
            id=f"p{place}",
            prompt=f"Do number {place}.",
            needs=tuple(
                f"p{need}"
                for need in sorted(draw(st.sets(st.integers(0, place - 1), max_size=3)))
            )
            if place
            else (),
        )
        for place in range(number)
    ]
    return tuple(draw(st.permutations(parts)))


@settings(max_examples=40)
@given(
    parts=graphs(),
    merge=st.sampled_from(("none", "concat", "model")),
    tokens=st.integers(16, 80),
    seed=seeds,
    failing=shares,
    at_once=st.sampled_from((1, 3, 128)),
)
async def test_parts_keep_to_their_plan_in_any_order(
    parts: tuple[Part, ...],
    merge: Any,
    tokens: int,
    seed: int,
    failing: float,
    at_once: int,
) -> None:
    dividing = Dividing(mode="subtasks", parts=parts, merge=merge)

    def make() -> Mode:
        return Subtasks(question("All of it."), dividing, offerings(2, 4096), {})

    with anyio.fail_after(20):
        first = await run(make, tokens, Nodes(seed, failing, 0), at_once)
        other = await run(make, tokens, Nodes(seed, failing, 1), 128)

    first.check_bounds()
    other.check_bounds()
    assert first.result == other.result


@settings(max_examples=25)
@given(
    paragraphs=st.integers(1, 25),
    context=st.integers(600, 1500),
    cite=st.booleans(),
    seed=seeds,
    failing=st.sampled_from((0.0, 0.0, 0.1, 0.4)),
)
async def test_reading_keeps_to_its_plan_in_any_order(
    paragraphs: int, context: int, cite: bool, seed: int, failing: float
) -> None:
    chance = Random(seed)  # noqa: S311
    text = "\n\n".join(
        f"{number}: " + " ".join(chance.choices(WORDS, k=chance.randint(1, 200))) + "."
        for number in range(paragraphs)
    )
    dividing = Dividing(mode="context", documents=(Document(text=text),), cite=cite)

    def make() -> Mode:
        return Context(question("Who sailed?"), dividing, offerings(2, context), {})

    with anyio.fail_after(20):
        first = await run(make, 0, Nodes(seed, failing, 0), 128)
        other = await run(make, 0, Nodes(seed, failing, 1), 128)

    first.check_bounds()
    other.check_bounds()
    for job in first.nodes.jobs:
        assert tokens_of(job) + job.max_tokens <= context
    assert first.result == other.result


@settings(max_examples=40)
@given(
    nodes=st.integers(2, 6),
    replicas=st.integers(2, 6),
    more=st.integers(0, 3),
    tokens=st.integers(16, 60),
    seed=seeds,
    order=seeds,
    failing=shares,
)
async def test_a_vote_keeps_to_its_plan(
    nodes: int,
    replicas: int,
    more: int,
    tokens: int,
    seed: int,
    order: int,
    failing: float,
) -> None:
    dividing = Dividing(
        mode="consensus", replicas=replicas, most_replicas=replicas + more
    )

    def make() -> Mode:
        return Consensus(question("Who sailed?"), dividing, offerings(nodes, 4096), {})

    with anyio.fail_after(20):
        ended = await run(make, tokens, Nodes(seed, failing, order), 128)

    ended.check_bounds()
    assert ended.plan.bounds.requests == min(nodes, replicas + more)
    pinned = [job.pinned for job in ended.nodes.jobs]
    assert all(pinned.count(share) <= TRIES for share in pinned)
    if ended.outcome is not None:
        agreement = ended.outcome.agreement
        assert agreement is not None
        answered = [r for r in ended.driver.in_order if r.state == "done"]
        assert agreement.answers <= len(answered)
        assert agreement.quorum == (
            agreement.agreed >= 2 and 2 * agreement.agreed > agreement.answers
        )
        assert ended.outcome.text in [report.text for report in answered]
