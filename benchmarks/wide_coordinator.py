"""A coordinator that takes as many connections as the machine gives it.

The same parts as `clubai-coordinator`, with the server's limit of connections raised.
Run as `python -m benchmarks.wide_coordinator DATA`; it prints one line of JSON, and
ends with its stdin.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from functools import partial
from pathlib import Path

import anyio

from clubai.club import make_app
from clubai.coordinator.config import CoordinatorConfig
from clubai.coordinator.coordinator import Coordinator
from clubai.gateway import GatewayLimits
from clubai.transport.limits import ServerLimits
from clubai.transport.server import serve_app

MOST_CONNECTIONS = 100_000


async def main(data: Path) -> None:
    config = CoordinatorConfig(data=data, port=0)
    limits = ServerLimits(max_connections=MOST_CONNECTIONS)
    async with (
        Coordinator.open(config) as coordinator,
        anyio.create_task_group() as tasks,
    ):
        app = make_app(coordinator, tasks, gateway=GatewayLimits())
        serve = partial(
            serve_app, app, host=config.host, port=config.port, limits=limits
        )
        (url, *_) = await tasks.start(serve)
        accounts = coordinator.accounts
        owner = await accounts.register("owner", secrets.token_hex(16))
        key = await accounts.create_api_key(owner.id, "benchmark")
        print(json.dumps({"url": url, "key": key.text, "pid": os.getpid()}), flush=True)
        await anyio.to_thread.run_sync(sys.stdin.read)
        tasks.cancel_scope.cancel()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wide_coordinator")
    parser.add_argument("data", type=Path)
    anyio.run(main, parser.parse_args().data, backend_options={"use_uvloop": True})
