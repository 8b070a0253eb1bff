"""Ask a whole club from Python: three nodes, six questions at once.

Nothing else needs to run: `open_club` starts a coordinator and three nodes with the
embedded model, which is fetched the first time (98 MB).

    python examples/ask_a_club.py
"""

from __future__ import annotations

import anyio

from clubai import Client, open_club

COUNTRIES = ["France", "Italy", "Japan", "Spain", "Egypt", "Norway"]


async def ask(client: Client, country: str) -> None:
    answer = await client.ask(
        f"What is the capital of {country}?",
        system="Answer in one short sentence.",
        max_tokens=40,
        temperature=0,
    )
    node = answer.nodes[0].name
    print(f"{node:<8} {answer.timings.total_ms:>6} ms  {answer.text}")


async def main() -> None:
    async with open_club(agents=3) as club, club.client() as client:
        async with anyio.create_task_group() as tasks:
            for country in COUNTRIES:
                tasks.start_soon(ask, client, country)

        snapshot = await client.snapshot()
        for node in snapshot.nodes:
            print(f"{node.name} did {node.tasks_done} of {snapshot.stats.tasks_done}")


if __name__ == "__main__":
    anyio.run(main, backend="trio")
