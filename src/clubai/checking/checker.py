"""`Checker`: asks the nodes that owe an audit, as an ordinary client of the club."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from random import Random
from typing import Any, Final

import anyio

from clubai.checking.asking import Reply, Unanswered, ask_node
from clubai.checking.budget import Budget
from clubai.checking.candidates import named, offers
from clubai.checking.checks import NOT_COMPARABLE, Checks, Scene
from clubai.checking.owed import Standing
from clubai.checking.verdict import Verdict, evidence_of, fact_of
from clubai.client import Client
from clubai.client.client import wall_clock_ms
from clubai.client.trust import Trust
from clubai.coordinator.coordinator import Coordinator
from clubai.coordinator.grants import CLUB
from clubai.core.standing import Owed
from clubai.errors import ConnectionLost, StorageError, lone_errors
from clubai.model import NodeId, NodeSnapshot, Value

logger = logging.getLogger(__name__)

TRIES: Final = 3
"""How often a node that has no room is asked."""
MOST_OTHERS: Final = 64
"""Nodes, and trusted nodes, of which those are chosen that one is compared with."""
AGAIN_SECONDS: Final = 1.0
"""Until the next connection, when one was lost."""
STOPPING: Final = Unanswered("the checks are stopping", later=False)
GONE: Final = Unanswered("the node is gone", later=False)
SPENT: Final = Unanswered("checks have used their share of the day", later=False)
NOT_STORED: Final = Unanswered("the store cannot be used", later=False)


class CheckerConfig(Value, frozen=True, kw_only=True):
    """How much is checked at once, and how long a check may take. Seconds."""

    at_once: int = 4
    checks_share: float = 0.15
    """Of all tokens of the last day, those that checks may use; audits of nodes in
    probation take place all the same."""
    wait_s: float = 120.0
    """How long a question may be queued for a node."""
    deadline_s: float = 300.0
    later_s: float = 60.0
    """How long a node that has no room is waited for."""


class Checker:
    """Audits nodes for as long as it runs; what it learns is in memory.

    Args:
        coordinator: Whose nodes are checked, in this process.
        standing: Says who owes an audit, and is told what came of it.
        rng: Draws the questions: nobody may foresee it (`random.SystemRandom`).
        config: The settings.
    """

    def __init__(
        self,
        coordinator: Coordinator,
        standing: Standing,
        *,
        rng: Random,
        config: CheckerConfig | None = None,
    ) -> None:
        self._coordinator = coordinator
        self._driver = coordinator.driver
        self._feed = coordinator.feed
        self._standing = standing
        self._rng = rng
        self._config = config or CheckerConfig()
        self._budget = Budget(self._config.checks_share)
        self._checks = Checks(self._ask, rng)
        self._client: Client

    async def run(self) -> None:
        """Check until cancelled."""
        while True:
            try:
                with lone_errors():
                    await self._serve()
            except* ConnectionLost as lost:
                logger.info("checks pause: %s", lost.exceptions[0])
            await anyio.sleep(AGAIN_SECONDS)

    async def _serve(self) -> None:
        """Check over one connection until that is lost. Raises `ConnectionLost`."""
        trust = Trust.of_own_process(
            self._coordinator.identity.key, clock_ms=wall_clock_ms
        )
        async with (
            self._coordinator.link(CLUB) as stream,
            Client.over(
                stream, trust=trust, readable_by="coordinator and node"
            ) as self._client,
            anyio.create_task_group() as tasks,
        ):
            for _ in range(self._config.at_once):
                tasks.start_soon(self._work)

    async def _work(self) -> None:
        while True:
            owed = await self._standing.next_owed()
            untold: Unanswered | None = STOPPING
            try:
                untold = await self._audit(owed)
            finally:
                if untold is not None:
                    unclear = untold is NOT_COMPARABLE
                    self._standing.dropped(owed, untold.why, unclear=unclear)

    async def _audit(self, owed: Owed) -> Unanswered | None:
        """Audit a node and tell what came of it; why not, when nothing did."""
        now = self._driver.clock()
        scene = self._scene(owed)
        if scene is None:
            return GONE
        stats = self._feed.stats()
        tokens = stats.prompt_tokens + stats.completion_tokens
        allowed = self._budget.allows(tokens, now=now)
        if not allowed and not self._standing.in_probation(owed.node):
            return SPENT
        found = await self._checks.check(scene)
        if isinstance(found, Unanswered):
            return found
        return await self._tell(owed, found)

    async def _tell(self, owed: Owed, verdict: Verdict) -> Unanswered | None:
        check = f"c_{self._rng.getrandbits(64):016x}"
        at = self._driver.clock()
        try:
            await self._standing.keep(evidence_of(verdict, owed, check, at=at))
            await self._standing.tell(fact_of(verdict, owed, check))
        except StorageError as error:
            logger.critical("a check is lost: %s", error)
            return NOT_STORED
        return None

    def _scene(self, owed: Owed) -> Scene | None:
        """Who is there, as far as a check needs to know.

        None: the node that owes the audit is not.
        """
        node = self._driver.machine.node(owed.node)
        if node is None:
            return None
        trusted = self._standing.trusted()
        nodes = offers(self._some(node, owed.model, trusted), owed.model)
        audited = named(nodes, owed.node)
        if audited is None:
            return None
        doubted = (each.node for each in nodes if self._standing.doubted(each.node))
        return Scene(
            owed=owed,
            audited=audited,
            nodes=nodes,
            trusted=frozenset(trusted),
            doubted=frozenset(doubted),
        )

    def _some(
        self, node: NodeSnapshot, model: str, trusted: Sequence[NodeId]
    ) -> list[NodeSnapshot]:
        """A node, some of other owners that offer the model, and some trusted ones."""
        machine = self._driver.machine
        kinds = (offer.quantization for offer in node.models if offer.name == model)
        others = machine.some_nodes(
            model,
            self._rng,
            besides=node.owner,
            quantization=next(kinds, ""),
            most=MOST_OTHERS,
        )
        sure = [each for each in trusted if machine.offers(each, model)]
        drawn = self._rng.sample(sure, min(MOST_OTHERS, len(sure)))
        found = [node, *others, *filter(None, map(machine.node, drawn))]
        return list({each.id: self._feed.named(each) for each in found}.values())

    async def _ask(
        self, node: NodeId, model: str, body: dict[str, Any]
    ) -> Reply | Unanswered:
        """Ask a node; while it has no room, again when it has, a few times.

        Raises:
            ConnectionLost: the coordinator is gone.
        """
        reply: Reply | Unanswered = Unanswered("the node has no room", later=True)
        for _ in range(TRIES):
            reply = await ask_node(
                self._client,
                node,
                model,
                body,
                self._rng,
                wait_s=self._config.wait_s,
                deadline_s=self._config.deadline_s,
            )
            if isinstance(reply, Reply):
                self._budget.spend(reply.tokens, now=self._driver.clock())
                return reply
            if not reply.later:
                return reply
            await self._until_room(node)
        return reply

    async def _until_room(self, node: NodeId) -> None:
        """Wait until the node has said something since now, and has a free slot."""
        since = self._driver.clock()
        with anyio.move_on_after(self._config.later_s):
            while True:
                await self._driver.changed.wait()
                found = self._driver.machine.node(node)
                if found is None:
                    continue
                if found.seen_at > since and found.slots_used < found.slots:
                    return
