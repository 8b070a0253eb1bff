"""Follow what happens in a club: a line for each event, then how the nodes are.

Nothing else needs to run: `open_club` starts a coordinator and two nodes with the
embedded model, which is fetched the first time (98 MB). For a club that is there
already, give its address and a key to `open_feed`.

    python examples/watch_a_club.py
"""

from __future__ import annotations

import anyio

from clubai import Client, open_club
from clubai.client.feed import open_feed
from clubai.client.mirror import Mirror
from clubai.protocol.feed import ClubEvent, FeedSnapshot


async def ask(client: Client) -> None:
    await client.ask("Name a fruit.", max_tokens=8)


def line(event: ClubEvent) -> str:
    if event.task is not None:
        return f"task {event.task.id[:8]} {event.what} {event.task.node_name}".rstrip()
    if event.node is not None:
        return f"node {event.node.name} {event.what}"
    if event.standing is not None:
        return f"points {event.standing.points:+} {event.standing.name} {event.what}"
    return f"{event.kind} {event.subject} {event.what}"


async def main() -> None:
    mirror = Mirror()
    async with (
        open_club(agents=2) as club,
        club.client() as client,
        open_feed(club.url, club.api_key) as feed,
        anyio.create_task_group() as tasks,
    ):
        async for item in feed:
            mirror.take(item)
            if isinstance(item, FeedSnapshot):
                tasks.start_soon(ask, client)
            elif isinstance(item, ClubEvent):
                print(line(item))
                if item.kind == "task" and item.what in ("done", "failed"):
                    break
    for node in sorted(mirror.nodes.values(), key=lambda node: node.name):
        print(f"{node.name} is {node.state}")


if __name__ == "__main__":
    anyio.run(main, backend="trio")
