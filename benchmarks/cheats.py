"""A real club with cheats, until they are suspended: `python -m benchmarks.cheats`.

Nine honest agents share one server of the embedded model; of three more one sends
garbage, one the answers to other prompts, and one runs a smaller model (the same file
without 6 of its 30 layers). Each has another owner. The coordinator, the agents and
the member who asks are joined by real sockets on loopback, and the club's own checks
are on. An operator has made two honest nodes references. The member asks one node after
the other, each time when the checks have ended. Only times are shortened: heartbeats,
and how often a node without members' work is checked.
"""

from __future__ import annotations

import argparse
import json
import logging
import secrets
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from math import ceil
from pathlib import Path
from random import SystemRandom
from tempfile import TemporaryDirectory
from typing import Final

import anyio
import httpx
import msgspec
import platformdirs

from benchmarks.caught import CHECKED, Result, Row, lines, until
from benchmarks.cheating_servers import another_prompt, garbage, of, served
from benchmarks.clubs import machine
from benchmarks.pruned import prune
from clubai.agent import AgentConfig, BackendConfig
from clubai.agent.agent import serve_agent
from clubai.agent.backends.embedded import open_embedded
from clubai.agent.backends.models import DEFAULT_MODEL, ensure_model
from clubai.checking.asking import ask_node
from clubai.client import Client
from clubai.club import Served, operator_key, serve_coordinator
from clubai.coordinator.config import CoordinatorConfig
from clubai.coordinator.coordinator import Coordinator
from clubai.coordinator.grants import CLUB, KeyWish
from clubai.coordinator.limits import EdgeLimits
from clubai.core.limits import CoordinatorLimits
from clubai.model import CLUB_ID, NodeId, node_bytes, node_nickname
from clubai.reputation.events import Change
from clubai.reputation.sequential import CONVICT, SUBTLE, expected_to_convict
from clubai.reputation.slashing import LEAST_POINTS, STRIKES
from clubai.storage.base import TaskRow

CONTEXT: Final = 1024
SEED: Final = 20_261
REFERENCES: Final = ("honest-1", "honest-2")
REMOVED: Final = (12, 13, 14, 15, 16, 17)
"""Layers that the smaller model is without."""
HEARTBEAT_S: Final = 1.0
CANARY_EVERY_S: Final = 2.0
TOKENS: Final = 24
"""Of an answer to the member."""
STEP_S: Final = 0.05
MEASURED: Final = "smaller"
"""The cheat whose end is not awaited."""
QUESTIONS: Final = (
    "What is a good name for a boat, and why?",
    "How do I store onions?",
    "What does a librarian do all day?",
    "Is it better to walk or to take the bus?",
    "Why do leaves fall?",
    "How is a letter addressed?",
)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is run, and for how long."""

    honest: int
    cheats: tuple[str, ...]
    convictions: int
    """Of each cheat but the smaller model; the third suspends."""
    tasks: int
    """The member asks at least so many questions."""
    seconds: float
    """After these it ends, whatever came of it."""
    pause: float
    """From the last check to the next question."""
    threads: int
    spare_references: bool
    """The member asks the others alone: whoever is not asked is not checked."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cheats", description=__doc__
    )
    parser.add_argument("--honest", type=int, default=9)
    parser.add_argument(
        "--cheats", default="garbage,another-prompt,smaller", help="which, by commas"
    )
    parser.add_argument("--convictions", type=int, default=STRIKES, help="of each")
    parser.add_argument("--tasks", type=int, default=300, help="at least")
    parser.add_argument("--seconds", type=float, default=1500, help="at most")
    parser.add_argument("--pause", type=float, default=0.2, help="after the checks")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--spare-references", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    plan = Plan(
        honest=args.honest,
        cheats=tuple(args.cheats.split(",")),
        convictions=args.convictions,
        tasks=args.tasks,
        seconds=args.seconds,
        pause=args.pause,
        threads=args.threads,
        spare_references=args.spare_references,
    )
    result = anyio.run(measure, plan)
    if args.json:
        print(json.dumps(msgspec.to_builtins(result)))
    else:
        print(*lines(result), sep="\n")
    return 0


async def measure(plan: Plan) -> Result:
    unclear = Unclear()
    with TemporaryDirectory(prefix="clubai-cheats-") as folder:
        data = Path(folder)
        async with servers(plan, data) as urls, anyio.create_task_group() as tasks:
            run = await tasks.start(partial(_Run.open, plan, data, urls, unclear))
            result: Result = await run.play()
            tasks.cancel_scope.cancel()
    return result


@asynccontextmanager
async def servers(plan: Plan, data: Path) -> AsyncIterator[dict[str, str]]:
    """The address of a model server for each node."""
    file = await ensure_model(cache=platformdirs.user_cache_path("clubai") / "models")
    async with AsyncExitStack() as stack:
        start = partial(open_embedded, context=CONTEXT, threads=plan.threads)
        model = await stack.enter_async_context(start(file, slots=4))
        answers = {"garbage": garbage(SEED), "another-prompt": another_prompt(model)}
        if MEASURED in plan.cheats:
            path = data / "smaller.gguf"
            prune(file, path, REMOVED)
            smaller = start(path, slots=1, name=DEFAULT_MODEL)
            answers[MEASURED] = of(await stack.enter_async_context(smaller))
        honest = await stack.enter_async_context(served(of(model)))
        urls = {f"honest-{number + 1}": honest for number in range(plan.honest)}
        for cheat in plan.cheats:
            urls[cheat] = await stack.enter_async_context(served(answers[cheat]))
        yield urls


class Unclear(logging.Handler):
    """Counts the audits of each node that told nothing, by what is logged of them."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        logger = logging.getLogger("clubai.checking.standing")
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.args, tuple) and "cut off" in str(record.args[1]):
            self.counts[str(record.args[0])] += 1


class _Run:
    """The club while it runs."""

    def __init__(self, plan: Plan, served: Served, unclear: Unclear) -> None:
        self.plan = plan
        self.club = served
        self.coordinator: Coordinator = served.coordinator
        self.unclear = unclear
        self.nodes: dict[str, NodeId] = {}
        self.turns: list[str] = []
        """The nodes that are asked, one after the other."""
        self.asked = 0
        self.rng = SystemRandom()
        self.key = ""

    @classmethod
    async def open(
        cls,
        plan: Plan,
        data: Path,
        urls: dict[str, str],
        unclear: Unclear,
        *,
        task_status: anyio.abc.TaskStatus[_Run],
    ) -> None:
        config = CoordinatorConfig(
            data=data / "club",
            port=0,
            heartbeat_s=HEARTBEAT_S,
            limits=CoordinatorLimits(canary_every_s=CANARY_EVERY_S),
            edge=EdgeLimits(max_memory_mb=0),
        )
        async with anyio.create_task_group() as tasks:
            run = cls(plan, await tasks.start(serve_coordinator, config), unclear)
            operator = await operator_key(run.coordinator, config.data)
            for name, url in urls.items():
                agent = AgentConfig(
                    coordinator_url=run.club.url,
                    token=await run.account(f"owner-of-{name}"),
                    name=name,
                    data=data / name,
                    backend=BackendConfig(kind="generic", url=url, slots=1),
                )
                joined = await tasks.start(serve_agent, agent)
                run.nodes[name] = node_bytes(joined.node)
            headers = {"authorization": f"Bearer {operator}"}
            async with httpx.AsyncClient(
                base_url=run.club.url, headers=headers
            ) as http:
                for name in REFERENCES:
                    (await http.put(f"/api/nodes/{name}/trusted")).raise_for_status()
            spared = REFERENCES if plan.spare_references else ()
            run.turns = [name for name in run.nodes if name not in spared]
            run.key = await run.account("asker")
            task_status.started(run)
            await anyio.sleep_forever()

    async def account(self, name: str) -> str:
        """Make a member; an API key that speaks for them."""
        accounts = self.coordinator.accounts
        row = await accounts.register(name, secrets.token_urlsafe(24))
        key = await accounts.create_api_key(row.id, name, wish=KeyWish(login=True))
        return key.text

    async def play(self) -> Result:
        """Ask until the cheats are suspended and enough was asked, or time is up."""
        began = time.monotonic()
        with anyio.move_on_after(self.plan.seconds):
            async with Client.connect(self.club.url, self.key) as client:
                while not self.enough():
                    await self.ask(client)
                    await self.settled()
        rows = await self.coordinator.store.tasks(limit=1_000_000)
        each = ceil(CONVICT / SUBTLE.failed)
        return Result(
            machine=machine(),
            seconds=time.monotonic() - began,
            asked=self.asked,
            least=STRIKES * each,
            expected=STRIKES * expected_to_convict(SUBTLE),
            rows=[await self.row(name, rows) for name in self.nodes],
        )

    async def ask(self, client: Client) -> None:
        """Ask the next node in turn, as a member can who names a node."""
        node = self.nodes[self.turns[self.asked % len(self.turns)]]
        question = QUESTIONS[self.asked % len(QUESTIONS)]
        self.asked += 1
        body = {
            "messages": [{"role": "user", "content": question}],
            "max_tokens": TOKENS,
            "seed": self.asked,
        }
        await ask_node(
            client, node, DEFAULT_MODEL, body, self.rng, wait_s=2.0, deadline_s=120.0
        )
        if self.asked % len(self.turns) == 0:
            say(f"{self.asked} asked; {self.points()}")

    async def settled(self) -> None:
        """Wait until the club asks nothing of its own for as long as the pause."""
        quiet = 0.0
        while quiet < self.plan.pause and not self.enough():
            live = self.coordinator.snapshot(CLUB).tasks
            busy = any(task.member == CLUB_ID and not task.ended_at for task in live)
            quiet = 0.0 if busy else quiet + STEP_S
            await anyio.sleep(STEP_S)

    def points(self) -> str:
        find = self.coordinator.standings.find
        points = {name: find(name).points for name in self.plan.cheats}
        return ", ".join(f"{name} {each}" for name, each in points.items())

    def enough(self) -> bool:
        """Whether as much was asked as there is to ask, and the cheats are caught."""
        return self.asked >= self.plan.tasks and self.caught()

    def caught(self) -> bool:
        """Whether each cheat was convicted as often as is awaited."""
        find = self.coordinator.standings.find
        awaited = [find(name) for name in self.plan.cheats if name != MEASURED]
        return all(
            each.suspended or len(each.confirmed_at) >= self.plan.convictions
            for each in awaited
        )

    async def row(self, name: str, rows: list[TaskRow]) -> Row:
        node = self.nodes[name]
        events = await self.coordinator.store.standing_events(node=node)
        tasks = [
            row.ended_at
            for row in rows
            if (row.node, row.state) == (node, "done") and row.member != CLUB_ID
        ]
        count = Counter(event.change for event in events)
        checks = [event for event in events if event.change in CHECKED]
        low = [event for event in events if event.total < LEAST_POINTS]
        out = [event for event in events if event.change is Change.SUSPENDED]
        return Row(
            node=name,
            does=name if name in self.plan.cheats else "honest",
            tasks=len(tasks),
            passed=count[Change.PASSED],
            failed=count[Change.FAILED],
            unclear=self.unclear.counts[node_nickname(node)],
            kinds=Counter(event.by for event in checks),
            cut=sum(event.why.startswith("cut off") for event in checks),
            convictions=count[Change.CONVICTED],
            points=self.coordinator.standings.find(name).points,
            flagged=count[Change.FLAGGED],
            kept_away=until(low, checks, tasks),
            suspended=until(out, checks, tasks),
        )


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
