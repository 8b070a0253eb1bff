"""Which keys a member's client seals to: all that it checks before it asks a node.

The node id is the hash of the node's own key, so a club can never give away another
key for a node that is known. It can bring new nodes of its own: the key log shows them
to everybody, and the member's policy says which nodes are good enough.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, Self

from clubai.client.logview import Fetch, LogView, bundle_in
from clubai.client.pins import Pins
from clubai.client.remembered import DAY_MS, Policy, SeenNode
from clubai.crypto.bundles import Bundle, check_time, is_owner
from clubai.crypto.checkpoint import Checkpoint, read_checkpoint
from clubai.crypto.keytext import key_text, read_key
from clubai.errors import ConfigError, StorageError, TrustError
from clubai.model import NodeId, TrustCode, node_nickname, node_text
from clubai.protocol.keylog import PlacedLeaf

logger = logging.getLogger(__name__)

STORE_MS: Final = 30_000
"""Between two times that what was seen is stored."""
PROVED_LIMIT: Final = 64


class Trust:
    """What one client has checked of one club, and what it still has to.

    Args:
        pins: What is remembered, and where.
        policy: Which nodes may be asked; None: the one that `pins` has.
        clock_ms: Unix time in milliseconds.
    """

    def __init__(
        self, pins: Pins, *, policy: Policy | None = None, clock_ms: Callable[[], int]
    ) -> None:
        self._pins = pins
        self._policy = policy
        self._clock_ms = clock_ms
        self._asks_log = True
        self._last: tuple[bytes, bytes, Checkpoint] | None = None
        self._proved: dict[Checkpoint, None] = {}
        self._stored_ms: int | None = None

    @classmethod
    def of_own_process(cls, key: bytes, *, clock_ms: Callable[[], int]) -> Self:
        """For a gateway in the coordinator's own process: it would only ask itself.

        It checks validity and epochs, and asks no log; nothing is stored.
        """
        trust = cls(Pins.in_memory(), clock_ms=clock_ms)
        trust.pin_coordinator(key)
        trust._asks_log = False
        return trust

    @property
    def key(self) -> bytes:
        """The coordinator's pinned signing key.

        Raises:
            TrustError: `COORDINATOR_CHANGED`; none is pinned yet.
        """
        if not self._pins.club.key:
            reason = "no key of the club is pinned yet"
            raise TrustError(TrustCode.COORDINATOR_CHANGED, reason)
        return read_key(self._pins.club.key, "pinned key")

    @property
    def policy(self) -> Policy:
        """Which nodes may be asked."""
        return self._pins.club.policy if self._policy is None else self._policy

    def pin_coordinator(self, key: bytes) -> None:
        """Pin the key that the club signs with, or compare it with the pinned one.

        The first key is stored before this returns.

        Raises:
            TrustError: `COORDINATOR_CHANGED`; another key is pinned.
            StorageError: it cannot be stored, and is not pinned.
        """
        if not self._pins.club.key:
            self._pins.club.key = key_text(key)
            try:
                self._pins.store()
            except (StorageError, ConfigError):
                self._pins.club.key = ""
                raise
        if self._pins.club.key != key_text(key):
            raise TrustError(
                TrustCode.COORDINATOR_CHANGED,
                f"the club signs with another key ({key_text(key)}) than the one that"
                f" is pinned ({self._pins.club.key}): ask its operator, and only if"
                " they changed it, run `clubai trust pin --club KEY`",
            )

    async def examine(
        self, bundle: Bundle, own_sig: bytes, checkpoint: bytes, fetch: Fetch
    ) -> None:
        """Check a node's bundle before anything is sealed to it.

        Nothing is fetched when the checkpoint is known, and the node, too. Several
        calls may be under way at once.

        Args:
            bundle: It is signed by the node (`read_bundle`).
            own_sig: The owner's countersignature, or empty.
            checkpoint: What the club says that its key log is now.
            fetch: Reads the log.

        Raises:
            TrustError: `code` says which check failed: `LOG_FORK`, `EXPIRED`,
                `EPOCH_ROLLBACK`, `NOT_PINNED`, `NOT_OWNED`, `NOT_IN_LOG`, `TOO_YOUNG`.
            TransportError: the log had to be read, and could not be.
        """
        view = LogView(fetch)
        point = await self.follow(checkpoint, view) if self._asks_log else None
        now = self._clock_ms()
        check_time(bundle, now)
        self._check_epoch(bundle)
        exempt = self._check_policy(bundle, own_sig)
        seen = self._pins.club.nodes.get(node_text(bundle.node))
        if point is not None and (seen is None or seen.log_index < 0):
            first = await self._prove(bundle, point, view)
            self._check_epoch(bundle)  # again: others were under way meanwhile
            self._remember(bundle, now, first)
        else:
            self._remember(bundle, now, None)
        if point is not None and not exempt:
            self._check_age(bundle, now)
        await self._store_if_due(now)

    async def flush(self) -> None:
        """Store what was seen; for whoever is about to end.

        Raises:
            StorageError, ConfigError: it cannot be stored.
        """
        if self._pins.dirty:
            await self._pins.store_soon()

    async def verify_node(
        self, node: NodeId, point: Checkpoint, view: LogView
    ) -> Bundle:
        """Prove the newest keys of a node, known or not, whatever the policy says.

        Args:
            node: Whose keys.
            point: What `follow` gave.
            view: The log.

        Returns:
            Its newest bundle in the log.

        Raises:
            TrustError: `NOT_IN_LOG`, `EXPIRED`, or `EPOCH_ROLLBACK`.
            TransportError: the log could not be read.
        """
        bundle = bundle_in((await view.entries_of(node))[-1], node)
        first = await self._prove(bundle, point, view)
        now = self._clock_ms()
        check_time(bundle, now)
        self._check_epoch(bundle)
        self._remember(bundle, now, first)
        return bundle

    async def follow(self, note: bytes, view: LogView) -> Checkpoint:
        """Check that a checkpoint continues what was seen; the longest one known now.

        Raises:
            TrustError: `LOG_FORK`.
            TransportError: the log had to be read, and could not be.
        """
        key = self.key
        if self._last is not None and self._last[:2] == (key, note):
            return self._last[2]
        point = read_checkpoint(note, key=key)
        while True:
            known = self._pins.club.checkpoint
            if known is not None and point not in self._proved:
                await _check_one_log(known, point, view)
            if self._pins.club.checkpoint is known:
                break
        if known is None or point.size > known.size:
            self._pins.club.advance(point, self._clock_ms())
            self._pins.dirty = True
            known = point
        self._proved[point] = None
        if len(self._proved) > PROVED_LIMIT:
            del self._proved[next(iter(self._proved))]
        self._last = (key, note, known)
        return known

    def _check_epoch(self, bundle: Bundle) -> None:
        seen = self._pins.club.nodes.get(node_text(bundle.node))
        if seen is None or bundle.epoch > seen.epoch:
            return
        name = node_nickname(bundle.node)
        if bundle.epoch < seen.epoch:
            raise TrustError(
                TrustCode.EPOCH_ROLLBACK,
                f"node {name} showed the keys of epoch {seen.epoch} before, and now"
                f" those of epoch {bundle.epoch}",
            )
        if bundle.hash.hex() != seen.bundle:
            reason = f"node {name} has two different bundles of epoch {seen.epoch}"
            raise TrustError(TrustCode.EPOCH_ROLLBACK, reason)

    def _check_policy(self, bundle: Bundle, own_sig: bytes) -> bool:
        """Whether the member vouches for the node, so that its age does not matter."""
        club, policy, node = self._pins.club, self.policy, bundle.node
        if node_text(node) in club.pinned_nodes:
            return True
        if policy.owners:
            keys = [read_key(text, "owner key") for text in club.pinned_owners]
            if own_sig and any(is_owner(key, node, own_sig) for key in keys):
                return True
            raise TrustError(
                TrustCode.NOT_OWNED,
                f"node {node_nickname(node)} has no owner that you pinned",
            )
        if policy.pinned:
            reason = f"node {node_nickname(node)} is none of those that you pinned"
            raise TrustError(TrustCode.NOT_PINNED, reason)
        return False

    async def _prove(
        self, bundle: Bundle, point: Checkpoint, view: LogView
    ) -> tuple[int, int]:
        """The index of the node's first bundle, and the date that it claims."""
        entries = await view.entries_of(bundle.node)
        first = bundle_in(entries[0], bundle.node)
        shown = next((each for each in entries if _holds(each, bundle)), None)
        if shown is None:
            raise TrustError(
                TrustCode.NOT_IN_LOG,
                f"the keys that node {node_nickname(bundle.node)} shows are not in the"
                " key log",
            )
        for entry in {entries[0].index: entries[0], shown.index: shown}.values():
            await view.check_entry(entry, point)
        return entries[0].index, first.nbf_ms

    def _remember(
        self, bundle: Bundle, now: int, first: tuple[int, int] | None
    ) -> None:
        node = node_text(bundle.node)
        club = self._pins.club
        before = club.nodes.get(node)
        index, logged_ms = (-1, 0)
        if first is not None:
            index, logged_ms = first[0], club.logged_at(*first, now)
        elif before is not None:
            index, logged_ms = before.log_index, before.logged_ms
        seen = SeenNode(
            epoch=bundle.epoch,
            bundle=bundle.hash.hex(),
            first_seen_ms=now if before is None else before.first_seen_ms,
            last_seen_ms=now // DAY_MS * DAY_MS,
            log_index=index,
            logged_ms=logged_ms,
        )
        if seen != before:
            club.see(node, seen)
            self._pins.dirty = True

    def _check_age(self, bundle: Bundle, now: int) -> None:
        days = self.policy.min_age_days
        seen = self._pins.club.nodes.get(node_text(bundle.node))
        if seen is not None and now - seen.logged_ms < days * DAY_MS:
            raise TrustError(
                TrustCode.TOO_YOUNG,
                f"node {node_nickname(bundle.node)} is in the key log for"
                f" {(now - seen.logged_ms) // DAY_MS} days, the policy asks for {days}",
            )

    async def _store_if_due(self, now: int) -> None:
        due = self._stored_ms is None or now - self._stored_ms >= STORE_MS
        if self._pins.dirty and due:
            self._stored_ms = now
            try:
                await self._pins.store_soon()
            except (StorageError, ConfigError) as error:
                logger.warning("what was seen of the club is not stored: %s", error)


async def _check_one_log(known: Checkpoint, point: Checkpoint, view: LogView) -> None:
    """Whichever is shorter must be the beginning of the other."""
    if point.size < known.size:
        await view.check_growth(point, known)
    else:
        await view.check_growth(known, point)


def _holds(placed: PlacedLeaf, bundle: Bundle) -> bool:
    try:
        return bundle_in(placed, bundle.node) == bundle
    except TrustError:
        return False
