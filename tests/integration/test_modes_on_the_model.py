"""The modes on the embedded model: three nodes, by command, from Python and by HTTP.

What a model of this size says is often wrong, so its words are not looked at; who
answered, how often, and what the nodes counted is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import anyio
import httpx
import msgspec
import pytest

from clubai import open_club
from clubai.agent import BackendConfig
from clubai.client import Answer, Client
from clubai.dividing.plan import Plan
from support.commands import Done, UpClub, clubai, started

pytestmark = [pytest.mark.model, pytest.mark.slow, pytest.mark.timeout(240)]

MODEL = "smollm2-135m-instruct"
SYSTEM = "Answer in one short sentence."
SHORT: dict[str, Any] = {"max_tokens": 12, "temperature": 0}
PARTS = ("What is the capital of France?", "What is two and two?", "What is ice?")
SPIDER = "How many legs has a spider? Answer with a number."
WHO = "Who will buy a new mower?"
MINUTES = """\
# Minutes of the garden club

## Money

The club has 412 euros. Ada Brown keeps the money. The fee stays at 12 euros a year.

## Tools

The old mower is broken. Tom Reed will buy a new mower in May, for 180 euros at most.

## Trees

Six apple trees were planted by the wall. Nora Lind waters the trees on Mondays.
"""
DOCUMENT = {"text": MINUTES, "name": "minutes.md"}
CHUNK: dict[str, Any] = {"chunk_tokens": 48}
FLAGS = ("--max-tokens", "12", "--temperature", "0", "--json")


@pytest.fixture(scope="module")
def club(
    tmp_path_factory: pytest.TempPathFactory, model_file: Path
) -> Iterator[UpClub]:
    home = tmp_path_factory.mktemp("club")
    flags = ("--processes", "--json", "--port", "0", "--agents", "3", "--data", "club")
    cache = str(model_file.parent.parent.parent)
    with started("clubai.cli", "up", *flags, home=home, XDG_CACHE_HOME=cache) as up:
        ready = up.ready()
        yield UpClub(ready["coordinator"], ready["api_key"])
        assert up.stop() == 0


def by_command(club: UpClub, home: Path, *arguments: str) -> dict[str, Any]:
    done: Done = clubai(
        *("ask", *arguments, *FLAGS),
        home=home,
        CLUBAI_URL=club.url,
        CLUBAI_API_KEY=club.api_key,
    )
    return cast("dict[str, Any]", done.json())


async def by_http(club: UpClub, path: str, body: dict[str, Any]) -> httpx.Response:
    async with httpx.AsyncClient(
        base_url=club.url,
        headers={"authorization": f"Bearer {club.api_key}"},
        timeout=200,
    ) as http:
        response = await http.post(path, json=body)
    assert response.status_code == 200, response.text
    return response


@asynccontextmanager
async def client_of(club: UpClub) -> AsyncIterator[Client]:
    with anyio.fail_after(200):
        async with Client.connect(club.url, club.api_key) as client:
            yield client


def plain(answer: Answer) -> dict[str, Any]:
    built: dict[str, Any] = msgspec.to_builtins(answer)
    return {**built, "answer": built["text"]}


def flat(response: httpx.Response) -> dict[str, Any]:
    """A chat completion, as the other two ways give it."""
    body = response.json()
    choice = body["choices"][0]
    return {
        **body["clubai"],
        "answer": choice["message"]["content"],
        "finish_reason": choice["finish_reason"],
        "usage": body["usage"],
    }


def check(got: dict[str, Any], mode: str, *, readable_by: str = "node") -> None:
    """What holds for every divided answer."""
    assert got["mode"] == mode
    assert got["answer"].strip()
    assert got["finish_reason"] in ("stop", "length")
    assert got["readable_by"] == readable_by
    done = [part for part in got["parts"] if part["state"] == "done"]
    assert {part["state"] for part in got["parts"]} <= {"done", "left out"}
    assert all(part["nodes"] and part["task"] for part in done)
    for name in ("prompt_tokens", "completion_tokens"):
        assert got["usage"][name] == sum(part["usage"][name] for part in done) > 0


def nodes_of(got: dict[str, Any], kind: str) -> list[str]:
    """Who answered the steps of a kind that are done."""
    return [
        part["nodes"][-1]["name"]
        for part in got["parts"]
        if part["kind"] == kind and part["state"] == "done"
    ]


def check_subtasks(got: dict[str, Any], **more: str) -> None:
    check(got, "subtasks", **more)
    nodes = nodes_of(got, "part")
    assert len(nodes) == 3
    assert len(set(nodes)) >= 2


def check_consensus(got: dict[str, Any], **more: str) -> None:
    check(got, "consensus", **more)
    agreement = got["agreement"]
    assert agreement["answers"] >= 2
    assert agreement["owners"] == 1
    assert agreement["compared"] == "number"
    nodes = nodes_of(got, "replica")
    assert len(nodes) == len(set(nodes)) == agreement["answers"]


def check_context(got: dict[str, Any], **more: str) -> None:
    check(got, "context", **more)
    nodes = nodes_of(got, "map")
    assert len(nodes) >= 3
    assert len(set(nodes)) >= 2
    for citation in got["citations"]:
        assert citation["document"] == "minutes.md"
        assert MINUTES[citation["start"] : citation["end"]].strip()


def test_by_command(club: UpClub, tmp_path: Path) -> None:
    parts = [flag for part in PARTS for flag in ("--part", part)]
    check_subtasks(by_command(club, tmp_path, *parts, "--system", SYSTEM))
    check_consensus(by_command(club, tmp_path, "--replicas", "3", SPIDER))
    (tmp_path / "minutes.md").write_text(MINUTES)
    file = ("--file", "minutes.md", "--chunk-tokens", "48", "--cite")
    check_context(by_command(club, tmp_path, *file, WHO))


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_from_python(club: UpClub) -> None:
    async with client_of(club) as client:
        parts = [{"prompt": part} for part in PARTS]
        check_subtasks(
            plain(
                await client.ask(
                    "", mode="subtasks", parts=parts, merge="concat", **SHORT
                )
            )
        )
        check_consensus(plain(await client.ask(SPIDER, mode="consensus", **SHORT)))


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_no_request_is_longer_than_a_node_holds(model_file: Path) -> None:
    """By the node's own count of the prompt; the document is too long for any."""
    small = BackendConfig(embedded=True, model=str(model_file), context=512)
    words = "The mower is old, the trees are young, and the fee has not changed. " * 10
    document = "\n\n".join(f"## Year {year}\n\n{words}" for year in range(1, 5))
    options = {"documents": [{"text": document}], "max_tokens": 8, "temperature": 0}
    async with open_club(agents=3, backend=small) as club, club.client() as client:
        (model,) = await client.models()
        plan: Plan = await client.plan(WHO, mode="context", **options)
        answer = await client.ask(WHO, mode="context", **options)

    assert len(nodes_of(plain(answer), "map")) >= 3
    assert answer.usage.prompt_tokens > model.context == 512
    most = {step.id: step for step in plan.steps}
    for part in answer.parts:
        step = most[part.id]
        assert part.usage.prompt_tokens <= step.prompt_tokens
        assert part.usage.completion_tokens <= step.max_tokens <= 8
        assert part.usage.prompt_tokens + step.max_tokens <= model.context


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_by_http(club: UpClub) -> None:
    transit = {"readable_by": "coordinator and node"}
    chat = {"model": MODEL, **SHORT}
    asked = "\n".join(("Answer these questions:", *(f"- {part}" for part in PARTS)))
    consensus = await by_http(
        club,
        "/v1/chat/completions",
        {
            **chat,
            "messages": [{"role": "user", "content": SPIDER}],
            "clubai": {"mode": "consensus", "replicas": 3},
        },
    )
    check_consensus(flat(consensus), **transit)
    agreement = consensus.json()["clubai"]["agreement"]
    share = f"{agreement['agreed']}/{agreement['answers']}"
    assert consensus.headers["x-clubai-consensus"] == share
    subtasks = await by_http(
        club,
        "/inference",
        {"prompt": asked, "mode": "subtasks", "merge": "concat", "options": SHORT},
    )
    check_subtasks(subtasks.json(), **transit)
    context = await by_http(
        club,
        "/v1/chat/completions",
        {
            **chat,
            "messages": [{"role": "user", "content": WHO}],
            "clubai": {"mode": "context", "documents": [DOCUMENT], **CHUNK},
        },
    )
    check_context(flat(context), **transit)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_by_the_openai_package(club: UpClub) -> None:
    openai = pytest.importorskip("openai", reason="the package openai is not installed")
    settings = {"base_url": f"{club.url}/v1", "api_key": club.api_key}
    text, told, last = "", [], {}
    async with openai.AsyncOpenAI(**settings) as client:
        stream = await client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": SPIDER}],
            stream=True,
            extra_body={"clubai": {"mode": "consensus"}},
            **SHORT,
        )
        async for chunk in stream:
            text += "".join(each.delta.content or "" for each in chunk.choices)
            extra = (chunk.model_extra or {}).get("clubai", {})
            told += [extra["progress"]] if "progress" in extra else []
            last = extra if "agreement" in extra else last

    assert text.strip()
    assert any(progress["provisional"] for progress in told)
    assert told[-1]["done"] == told[-1]["steps"]
    assert last["agreement"]["answers"] >= 2
