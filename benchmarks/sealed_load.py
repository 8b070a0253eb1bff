"""The load of `benchmarks.load`, sealed here: N requests at once on one `Client`.

Run as `python -m benchmarks.sealed_load URL ...`, with a coordinator's address; it
prints one JSON object. What sealing costs is this process's, not the coordinator's.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import Any

import anyio
import msgspec

from benchmarks.load import (
    GIVE_UP,
    MOST_ERRORS,
    PROMPT,
    TOKEN,
    LoadResult,
    Sample,
    parse,
    summary,
)
from clubai.client import Client
from clubai.client.job import Job
from clubai.errors import ClubAIError
from clubai.protocol.records import text_of

SAID = TOKEN.decode()


async def ask(client: Client, job: Job, tokens: int) -> Sample:
    """Ask once; an answer counts only when it has exactly the tokens asked for."""
    start = time.perf_counter()
    first, text = 0.0, ""
    with anyio.fail_after(GIVE_UP):
        async with client.run(job) as run:
            async for choices in run:
                text += "".join(map(text_of, choices))
                if not first and SAID in text:
                    first = time.perf_counter()
    stop = time.perf_counter()
    if text.count(SAID) != tokens:
        raise ConnectionError(f"another answer than was asked for: {text[:400]}")
    return Sample(first - start, stop - start, tokens)


async def run(args: argparse.Namespace) -> LoadResult:
    body: dict[str, Any] = {
        "messages": [{"role": "user", "content": PROMPT}],
        "max_tokens": args.tokens,
    }
    if args.stream:
        body["stream_options"] = {"include_usage": True}
    job = Job(
        kind="chat",
        model=args.model,
        body=body,
        stream=args.stream,
        max_tokens=args.tokens,
    )
    samples: list[Sample] = []
    errors: list[str] = []

    async def worker(client: Client) -> None:
        while time.perf_counter() < start + args.seconds and len(errors) < MOST_ERRORS:
            try:
                samples.append(await ask(client, job, args.tokens))
            except (ClubAIError, OSError, TimeoutError) as error:
                errors.append(str(error) or "no answer in time")

    async with Client.connect(args.url, args.key) as client:
        start = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(args.at_once):
                group.create_task(worker(client))
        seconds = time.perf_counter() - start
    return summary(samples, errors, seconds)


def main() -> None:
    args = parse("benchmarks.sealed_load")
    result = anyio.run(run, args, backend_options={"use_uvloop": True})
    print(msgspec.json.encode(result).decode())


if __name__ == "__main__":
    main()
