"""Divide a job among a whole club: parts, a vote, and a document in pieces.

Nothing else needs to run: `open_club` starts a coordinator and three nodes with the
embedded model, which is fetched the first time (98 MB).

    python examples/divide_a_job.py
"""

from __future__ import annotations

from typing import Any

import anyio

from clubai import Client, open_club

SHORT: dict[str, Any] = {"max_tokens": 40, "temperature": 0}
MINUTES = """\
# Minutes of the garden club

## Money

The club has 412 euros. Ada Brown keeps the money. The fee stays at 12 euros a year.

## Tools

The old mower is broken. Tom Reed will buy a new mower in May, for 180 euros at most.

## Trees

Six apple trees were planted by the wall. Nora Lind waters the trees on Mondays.

## Next meeting

The club meets again on 4 June at seven, in the old school.
"""


async def subtasks(client: Client) -> None:
    """Ask three questions of three nodes, and join their answers."""
    questions = "the capital of France", "the opposite of hot", "the capital of Japan"
    answer = await client.ask(
        "",
        mode="subtasks",
        parts=[{"prompt": f"What is {question}?"} for question in questions],
        merge="concat",
        system="Answer in one short sentence.",
        **SHORT,
    )
    print(answer.text, "\n")
    for part in answer.parts:
        print(f"part {part.id} {part.state}, by {part.nodes[-1].name}")


async def consensus(client: Client) -> None:
    """Ask two nodes the same, and a third one only if they disagree."""
    answer = await client.ask(
        "How many legs has a spider? Answer with a number.",
        mode="consensus",
        replicas=3,
        **SHORT,
    )
    print(answer.text)
    if answer.agreement is not None:
        print(f"{answer.agreement.agreed} of {answer.agreement.answers} agree")


async def context(client: Client) -> None:
    """Read a document in pieces, each on some node, and say what the answer rests on.

    This one would fit one request: `chunk_tokens` stands for a small context.
    """
    answer = await client.ask(
        "Who will buy a new mower?",
        mode="context",
        documents=[{"text": MINUTES, "name": "minutes.md"}],
        chunk_tokens=64,
        cite=True,
        **SHORT,
    )
    print(answer.text)
    for part in answer.parts:
        print(f"{part.id}, {part.title}: {part.text}")
    for citation in answer.citations:
        print(f"{citation.claim!r} rests on {citation.passages}, {citation.heading}")


async def main() -> None:
    async with open_club(agents=3) as club, club.client() as client:
        for mode in (subtasks, consensus, context):
            print(f"--- {mode.__name__}")
            await mode(client)


if __name__ == "__main__":
    anyio.run(main)
