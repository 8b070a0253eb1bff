"""From a checked request to the bytes of its answer.

Each function here runs one job for one exchange until the answer is out, failed, or
nobody waits for it any more; then the job is cancelled on its node.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from clubai.client.client import Client
from clubai.client.job import Job
from clubai.client.run import Run
from clubai.errors import ClubAIError, TaskRejected
from clubai.gateway.exchange import Clock, Exchange, task_headers, while_wanted
from clubai.gateway.limits import GatewayLimits
from clubai.gateway.problems import INTERNAL, Headers, Problem, problem_of
from clubai.gateway.sse import EventStream
from clubai.model import FailCode
from clubai.protocol.openai import FieldError, Request
from clubai.protocol.openai_answer import (
    DONE,
    ChunkWriter,
    answer_id,
    completion,
    embeddings,
    whole_usage,
)
from clubai.protocol.openai_fold import AnswerFold

NAMED_MODELS = 20

Work = Callable[[Run], Awaitable[None]]


def job_of(request: Request, limits: GatewayLimits) -> Job:
    """Make the job of a request. Raises `FieldError`."""
    return Job(
        kind=request.kind,
        model=request.model,
        body=request.body,
        stream=request.stream,
        privacy=request.privacy,
        prompt_tokens=request.prompt_tokens,
        max_tokens=request.max_tokens,
        wait_s=_seconds("clubai.wait_s", request.wait_s, limits.wait_s, limits),
        deadline_s=_seconds(
            "clubai.deadline_s", request.deadline_s, limits.deadline_s, limits
        ),
    )


async def send_whole(
    exchange: Exchange, client: Client, request: Request, job: Job, created: int
) -> None:
    """Answer a chat or completion request in one piece."""

    async def work(run: Run) -> None:
        fold = AnswerFold()
        async for choices in run:
            for choice in choices:
                fold.add(choice)
        body = completion(
            request.kind,
            answer_id(request.kind, run.task or exchange.request),
            run.model,
            created,
            fold,
            whole_usage(run.usage_json, run.usage),
        )
        await exchange.respond(200, body, run_headers(run), request=run.task)

    await run_job(exchange, client, job, work)


async def send_embeddings(
    exchange: Exchange, client: Client, request: Request, job: Job
) -> None:
    """Answer an embeddings request."""

    async def work(run: Run) -> None:
        data = await run.read_body()
        body = embeddings(
            data,
            run.model,
            whole_usage(run.usage_json, run.usage),
            inputs=request.inputs,
            as_base64=request.base64,
        )
        await exchange.respond(200, body, run_headers(run), request=run.task)

    await run_job(exchange, client, job, work)


async def send_stream(
    exchange: Exchange,
    client: Client,
    request: Request,
    job: Job,
    created: int,
    events: EventStream,
) -> None:
    """Answer a chat or completion request step by step."""

    async def work(run: Run) -> None:
        answer = answer_id(request.kind, run.task or exchange.request)
        writer = ChunkWriter(request.kind, answer, run.model, created)
        write = writer.write
        await events.begin(run_headers(run), request=run.task)
        async for choices in run:
            await events.send(b"".join([write(choice) for choice in choices]))
        writer.finish()
        last = DONE
        if request.include_usage:
            last = writer.usage(whole_usage(run.usage_json, run.usage)) + DONE
        await events.end(last)

    await run_job(exchange, client, job, work, events)


async def run_job(
    exchange: Exchange,
    client: Client,
    job: Job,
    work: Work,
    events: EventStream | None = None,
) -> None:
    """Run `job` and do `work` with it; say what went wrong when it did.

    Raises:
        Exception: a bug; whoever asked has been told that there was one.
    """
    offered = False

    async def run_it() -> None:
        nonlocal offered
        async with client.run(job) as run:
            try:
                await run.begin()
                await work(run)
            finally:
                offered = bool(run.task)

    async def explain(error: ClubAIError) -> Problem:
        return await explained(error, client, job, offered=offered)

    await tell_failure(exchange, run_it, explain, events)


async def tell_failure(
    exchange: Exchange,
    work: Callable[[], Awaitable[None]],
    explain: Callable[[ClubAIError], Awaitable[Problem]],
    events: EventStream | None = None,
) -> None:
    """Do `work` while it is waited for, and say what went wrong when it did.

    Raises:
        Exception: a bug; whoever asked has been told that there was one.
    """
    try:
        if events is None:
            await exchange.while_wanted(work)
        else:
            await while_wanted(work, events.watch)
    except ClubAIError as error:
        problem = await explain(error)
        await _tell(exchange, events, problem)
        if problem is INTERNAL:
            raise
    except Exception:
        await _tell(exchange, events, INTERNAL)
        raise


def run_headers(run: Run) -> Headers:
    """Say which task and node a response comes from, and who could read it."""
    return task_headers(
        run.task,
        node=run.node,
        attempts=run.attempts,
        readable_by=run.readable_by,
    )


def event_stream(
    exchange: Exchange, limits: GatewayLimits, clock: Clock
) -> EventStream:
    """Make the event stream of an exchange."""
    return EventStream(exchange, ping_s=limits.ping_s, clock=clock)


async def unknown_model(client: Client, model: str) -> Problem:
    """Say that nobody offers `model`, and which models there are."""
    names = sorted(each.name for each in await client.models())
    there = ", ".join(names[:NAMED_MODELS]) or "none, no node is connected"
    more = len(names) - NAMED_MODELS
    if more > 0:
        there += f" and {more} more"
    message = f"no node offers the model {model!r}; there are: {there}"
    return problem_of(TaskRejected(FailCode.UNKNOWN_MODEL, message))


async def explained(
    error: ClubAIError, client: Client, job: Job, *, offered: bool
) -> Problem:
    """What is said of an error: which models there are, and whether to ask again.

    Args:
        error: Why the job has no answer.
        client: Asked for the models, when it is for want of one.
        job: What was asked.
        offered: A node was offered it, or a part of it: something may have been spent.
    """
    if isinstance(error, TaskRejected) and error.code is FailCode.UNKNOWN_MODEL:
        try:
            return await unknown_model(client, job.model)
        except ClubAIError:
            return problem_of(error)
    problem = problem_of(error)
    if offered and problem.retry:
        return replace(problem, retry=False)
    return problem


async def _tell(
    exchange: Exchange, events: EventStream | None, problem: Problem
) -> None:
    """As the response, or in the stream that has begun."""
    if not exchange.begun:
        await exchange.refuse(problem)
    elif events is not None:
        await events.fail(problem)


def _seconds(
    field: str, asked: float | None, default: float, limits: GatewayLimits
) -> float:
    if asked is None:
        return default
    if asked > limits.longest_s:
        raise FieldError(field, asked, f"at most {limits.longest_s:g} seconds")
    return asked
