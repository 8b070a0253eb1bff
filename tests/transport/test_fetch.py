from __future__ import annotations

import gzip

import pytest
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from clubai.errors import ConnectFailed
from clubai.transport.fetch import http_fetch, open_fetch
from support.serving import serving


class Endless(Response):
    """One that never ends, in the task that serves it and in no other."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            piece = {"type": "http.response.body", "body": b"x" * 50}
            await send({**piece, "more_body": True})


async def answer(request: Request) -> Response:
    match request.path_params["name"]:
        case "small":
            return Response(b"x" * 100)
        case "big":
            return Response(b"x" * 101)
        case "endless":
            return Endless()
        case "moved":
            return RedirectResponse("/log/small")
        case "bomb":
            encoded = gzip.compress(bytes(90))
            return Response(encoded, headers={"content-encoding": "gzip"})
        case "asked":
            return Response(request.headers["accept-encoding"])
    return Response(status_code=404)


APP = Router(routes=[Route("/log/{name}", answer)])


async def test_what_is_there_is_read() -> None:
    async with serving(APP) as url:
        assert await http_fetch(f"{url}/log/", limit=100)("small") == b"x" * 100
        async with open_fetch(f"{url}/log/") as fetch:
            assert await fetch("small") == await fetch("small") == b"x" * 100
            assert await fetch("asked") == b"identity"


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("missing", 404, "status 404"),
        ("moved", 307, "status 307"),
        ("big", 200, "more than 100 bytes"),
        ("endless", 200, "more than 100 bytes"),
        ("bomb", 200, "compressed"),
    ],
)
async def test_what_is_not_as_it_should_be_is_refused(
    path: str, status: int, reason: str
) -> None:
    async with serving(APP) as url:
        with pytest.raises(ConnectFailed, match=reason) as refused:
            await http_fetch(f"{url}/log/", limit=100)(path)

    assert refused.value.status == status


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/log/", "http://[/", "nonsense"])
async def test_where_nobody_is(url: str) -> None:
    with pytest.raises(ConnectFailed) as refused:
        await http_fetch(url)("checkpoint")

    assert refused.value.status is None
