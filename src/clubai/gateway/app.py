"""The gateway's routes: who may ask, what is asked, and which answer it gets.

A request passes in this order: the path and method, the member (`ClientSource`), the
member's budget, the body's size, the fields. Only then is anything asked of the club.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol
from weakref import WeakKeyDictionary, WeakValueDictionary

import msgspec
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from clubai.client.client import Client
from clubai.client.job import Job
from clubai.errors import ClubAIError
from clubai.gateway.answers import (
    event_stream,
    job_of,
    send_embeddings,
    send_stream,
    send_whole,
    unknown_model,
)
from clubai.gateway.divided import ChatShape, NativeShape, send_divided
from clubai.gateway.exchange import Clock, Exchange, ReaderGone, Refused
from clubai.gateway.limits import GatewayLimits, HeldBytes, MemberBudget, Standing
from clubai.gateway.native import (
    choose_model,
    parse_inference,
    send_inference,
    stream_inference,
)
from clubai.gateway.problems import (
    INTERNAL,
    Headers,
    no_such_method,
    no_such_path,
    problem_of,
)
from clubai.protocol.decoding import decoded_bytes
from clubai.protocol.openai import (
    Request,
    parse_chat,
    parse_completion,
    parse_embedding,
)
from clubai.protocol.openai_answer import model_body, model_list

Answering = Callable[[Exchange], Awaitable[None]]


class ClientSource(Protocol):
    """How the gateway finds the client that speaks for whoever asks."""

    async def client_for(self, authorization: str | None, address: str) -> Client:
        """Give the member's client: the same one as long as its connection lives.

        Raises:
            AuthenticationError: nobody is known by this header.
            PermissionDenied: the member may not ask.
            RateLimited: too many tries from `address`.
            Refused: there is no connection to the club now.
        """


def new_request_id() -> str:
    """Name a request that has no task."""
    return secrets.token_hex(16)


def gateway_routes(
    source: ClientSource,
    *,
    limits: GatewayLimits | None = None,
    clock: Clock = time.monotonic,
    wall: Clock = time.time,
    new_id: Callable[[], str] = new_request_id,
) -> list[Route]:
    """Make the routes of `/v1` and `/inference`.

    Args:
        source: Finds the client that speaks for whoever asks.
        limits: Bounds of one gateway.
        clock: Seconds that only go forward.
        wall: Unix seconds, for `created`.
        new_id: Names requests that have no task.
    """
    gateway = _Gateway(source, limits or GatewayLimits(), clock, wall)

    def route(path: str, method: str, answering: Answering) -> Route:
        return Route(path, _Endpoint(method, answering, clock, new_id))

    return [
        route("/v1/chat/completions", "POST", gateway.chat),
        route("/v1/completions", "POST", gateway.completions),
        route("/v1/embeddings", "POST", gateway.embeddings),
        route("/v1/models", "GET", gateway.models),
        route("/v1/models/{id:path}", "GET", gateway.model),
        route("/inference", "POST", gateway.inference),
        route("/v1", "", _nowhere),
        route("/v1/{rest:path}", "", _nowhere),
    ]


class _Endpoint:
    """One path as an ASGI application."""

    def __init__(
        self,
        method: str,
        answering: Answering,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        self._method = method
        self._answering = answering
        self._clock = clock
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(
            scope, receive, send, clock=self._clock, request=self._new_id()
        )
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        try:
            if self._method and method != self._method:
                problem = no_such_method(scope["method"], scope["path"], self._method)
                await exchange.refuse(problem)
            else:
                await self._answering(exchange)
        except ReaderGone:
            pass
        except Refused as refused:
            await exchange.refuse(refused.problem)
        except ClubAIError as error:
            await self._refuse(exchange, error)
        except Exception:
            # Whoever asked gets an envelope, too; the server's log gets the reason.
            if not exchange.begun:
                await exchange.refuse(INTERNAL)
            raise

    async def _refuse(self, exchange: Exchange, error: ClubAIError) -> None:
        problem = problem_of(error)
        if not exchange.begun:
            await exchange.refuse(problem)
        if problem is INTERNAL:
            raise error


class _Gateway:
    """What each path answers. Owns the members' budgets and the room for bodies."""

    def __init__(
        self, source: ClientSource, limits: GatewayLimits, clock: Clock, wall: Clock
    ) -> None:
        self._source = source
        self._limits = limits
        self._clock = clock
        self._wall = wall
        self._created = int(wall())
        self._space = HeldBytes(limits.max_held_bytes)
        self._budgets: WeakKeyDictionary[Client, MemberBudget] = WeakKeyDictionary()
        self._shared: WeakValueDictionary[str, MemberBudget] = WeakValueDictionary()

    async def chat(self, exchange: Exchange) -> None:
        """`POST /v1/chat/completions`."""
        await self._generate(exchange, parse_chat)

    async def completions(self, exchange: Exchange) -> None:
        """`POST /v1/completions`."""
        await self._generate(exchange, parse_completion)

    async def embeddings(self, exchange: Exchange) -> None:
        """`POST /v1/embeddings`."""
        async with self._asked(exchange) as (client, data):
            request = parse_embedding(data)
            job = job_of(request, self._limits)
            await send_embeddings(exchange, client, request, job)

    async def inference(self, exchange: Exchange) -> None:
        """`POST /inference`."""
        async with self._asked(exchange) as (client, data):
            request = parse_inference(data)
            job = job_of(request, self._limits)
            if not job.model:
                model = choose_model(await client.models())
                job = msgspec.structs.replace(job, model=model)
            if request.dividing.mode != "single":
                await self._divide(exchange, client, request, job, NativeShape())
            elif request.stream:
                events = event_stream(exchange, self._limits, self._clock)
                await stream_inference(exchange, client, job, events)
            else:
                await send_inference(exchange, client, job)

    async def models(self, exchange: Exchange) -> None:
        """`GET /v1/models`."""
        async with self._admitted(exchange) as client:
            body = model_list(await client.models(), self._created)
            await exchange.respond(200, body, [])

    async def model(self, exchange: Exchange) -> None:
        """`GET /v1/models/{id}`."""
        name = exchange.scope["path_params"]["id"]
        async with self._admitted(exchange) as client:
            for model in await client.models():
                if model.name == name:
                    body = msgspec.json.encode(model_body(model, self._created))
                    await exchange.respond(200, body, [])
                    return
            raise Refused(await unknown_model(client, name))

    async def _generate(
        self, exchange: Exchange, parse: Callable[[bytes], Request]
    ) -> None:
        async with self._asked(exchange) as (client, data):
            request = parse(data)
            job = job_of(request, self._limits)
            created = int(self._wall())
            if request.dividing.mode != "single":
                shape = ChatShape(exchange.request, job.model, created)
                await self._divide(exchange, client, request, job, shape)
            elif request.stream:
                events = event_stream(exchange, self._limits, self._clock)
                await send_stream(exchange, client, request, job, created, events)
            else:
                await send_whole(exchange, client, request, job, created)

    async def _divide(
        self,
        exchange: Exchange,
        client: Client,
        request: Request,
        job: Job,
        shape: ChatShape | NativeShape,
    ) -> None:
        events = None
        if request.stream:
            events = event_stream(exchange, self._limits, self._clock)
        await send_divided(exchange, client, request, job, shape, events)

    @asynccontextmanager
    async def _asked(self, exchange: Exchange) -> AsyncIterator[tuple[Client, bytes]]:
        """Let a member's request in, with its body."""
        async with self._admitted(exchange) as client:
            data = await exchange.read_body(self._limits, self._space)
            held = len(data)
            try:
                decoded = decoded_bytes(data)
                self._space.take(decoded)
                held += decoded
                yield client, data
            finally:
                self._space.give_back(held)

    @asynccontextmanager
    async def _admitted(self, exchange: Exchange) -> AsyncIterator[Client]:
        """Find the member's client and take the request off the member's budget."""
        client = await self._source.client_for(exchange.authorization, exchange.address)
        now = self._clock()
        budget = self._budget_of(client, now)
        exchange.headers += _standing_headers(budget.enter(now))
        try:
            yield client
        finally:
            budget.leave()

    def _budget_of(self, client: Client, now: float) -> MemberBudget:
        """The member's, however many keys and clients the member has."""
        budget = self._budgets.get(client)
        if budget is None:
            budget = self._shared.get(client.speaks_for)
            budget = budget or MemberBudget(self._limits, now=now)
            self._budgets[client] = budget
            if client.speaks_for:
                self._shared[client.speaks_for] = budget
        return budget


async def _nowhere(exchange: Exchange) -> None:
    raise Refused(no_such_path(exchange.scope["path"]))


def _standing_headers(standing: Standing) -> Headers:
    return [
        (b"x-ratelimit-limit-requests", b"%d" % standing.limit),
        (b"x-ratelimit-remaining-requests", b"%d" % standing.remaining),
        (b"x-ratelimit-reset-requests", b"%dms" % round(standing.reset_s * 1000)),
    ]
