"""The echo server as a program: prints its address, ends with its input."""

from __future__ import annotations

import json
import sys

import anyio

from support.serving import echo, serving, websocket_app


async def main() -> None:
    async with serving(websocket_app(echo)) as url:
        sys.stdout.write(json.dumps(url) + "\n")
        sys.stdout.flush()
        await anyio.to_thread.run_sync(sys.stdin.read)


anyio.run(main, backend=sys.argv[1])
