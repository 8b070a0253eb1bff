"""An agent's own look at the club's key log: is all that is said of this node ours?

It reads every entry once, from where it stopped, and computes the root itself: so it
knows that the club shows it one log that only grows. An entry for this node that the
agent did not make means that somebody else has the node's key.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Literal

import anyio
import msgspec
from anyio import to_thread

from clubai.crypto.bundles import Bundle, read_bundle
from clubai.crypto.checkpoint import Checkpoint, read_checkpoint
from clubai.crypto.identity import node_id
from clubai.crypto.keyfiles import replace
from clubai.crypto.keytext import key_text
from clubai.crypto.leaves import BundleLeaf, read_leaf
from clubai.crypto.merkle import Frontier, leaf_hash
from clubai.crypto.tiles import decode_entries, entries_between
from clubai.errors import ConnectFailed, StorageError, TransportError, TrustError
from clubai.model import TrustCode, node_nickname
from clubai.protocol.keylog import CHECKPOINT_PATH

logger = logging.getLogger(__name__)

AUDIT_SECONDS: Final = 3600.0
FIRST_SHARE: Final = 0.1
"""The first audit is within this share of the interval: not all come at once."""
MAX_ALARMS: Final = 100
MAX_NEW_ENTRIES: Final = 1 << 24
_NOT_FOUND: Final = 404

Fetch = Callable[[str], Awaitable[bytes]]


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """Something that must not be."""

    kind: Literal["unknown_bundle", "log_fork"]
    reason: str
    at_ms: int
    index: int = -1
    """The entry of the log, when it is about one."""
    epoch: int = -1
    bundle: str = ""
    """The hash of the unknown bundle, hexadecimal."""


class AuditState(msgspec.Struct, kw_only=True):
    """How far the log was read, and what was found."""

    version: Literal[1] = 1
    key: str = ""
    """The key that signed the log."""
    origin: str = ""
    size: int = 0
    peaks: tuple[bytes, ...] = ()
    """What `Frontier` needs to go on."""
    audited_ms: int = 0
    """The last audit that came to its end; 0: none yet."""
    alarms: tuple[Alarm, ...] = ()


class Audit:
    """The audits of one node.

    Args:
        node_key: The identity key of the node whose entries are looked for.
        club_key: The coordinator's signing key.
        path: Where the state is kept, in the agent's data directory.
        fetch: Reads a path of the log; raises `ConnectFailed` with status 404 where
            nothing is, any `TransportError` when the club cannot be asked.
        known: Whether the agent made the bundle with this hash.
        clock_ms: Unix time in milliseconds.
        on_alarm: Called once for each alarm.
    """

    def __init__(
        self,
        *,
        node_key: bytes,
        club_key: bytes,
        path: Path,
        fetch: Fetch,
        known: Callable[[bytes], bool],
        clock_ms: Callable[[], int],
        on_alarm: Callable[[Alarm], None] | None = None,
    ) -> None:
        self._node_key = node_key
        self._key = club_key
        self._path = path
        self._fetch = fetch
        self._known = known
        self._clock_ms = clock_ms
        self._on_alarm = on_alarm
        self.state = _load(path, key_text(club_key))
        """As it is now; `alarms` is empty as long as all is well."""

    async def serve(
        self,
        interval_s: float = AUDIT_SECONDS,
        *,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Audit now and then until cancelled; what goes wrong is in the log.

        Args:
            interval_s: From the end of one audit to the next.
            jitter: From 0 to 1; how much of `FIRST_SHARE` to wait at first.
        """
        await anyio.sleep(interval_s * FIRST_SHARE * jitter())
        while True:
            try:
                await self.run_once()
            except TransportError as error:
                logger.warning("the key log could not be audited: %s", error)
            except TrustError as error:
                logger.debug("the audit ended in an alarm: %s", error)
            except StorageError as error:
                logger.warning("the audit is not remembered: %s", error)
            await anyio.sleep(interval_s)

    async def run_once(self) -> None:
        """Audit what is new.

        An unknown bundle of this node is an alarm, and no error.

        Raises:
            TrustError: `LOG_FORK`, which is an alarm too.
            TransportError: the log cannot be read now.
            StorageError: how far it was read cannot be stored.
        """
        try:
            frontier, point, found = await self._read_new()
        except TrustError as error:
            self._raise_alarm(
                Alarm(kind="log_fork", reason=error.reason, at_ms=self._clock_ms())
            )
            await self._store()
            raise
        self.state.origin = point.origin
        self.state.size, self.state.peaks = frontier.size, frontier.peaks
        self.state.audited_ms = self._clock_ms()
        for index, bundle in found:
            self._judge(index, bundle)
        await self._store()

    async def _read_new(
        self,
    ) -> tuple[Frontier, Checkpoint, list[tuple[int, Bundle]]]:
        state = self.state
        point = read_checkpoint(await self._get(CHECKPOINT_PATH), key=self._key)
        if state.origin not in ("", point.origin):
            raise _fork(f"it calls itself {point.origin!r} and was {state.origin!r}")
        if not state.size <= point.size <= state.size + MAX_NEW_ENTRIES:
            raise _fork(f"it had {state.size} entries and has {point.size}")
        frontier, found = Frontier(state.size, state.peaks), []
        for entries in entries_between(state.size, point.size):
            leaves = decode_entries(await self._get(entries.path), entries)
            for leaf in leaves[frontier.size - entries.first :]:
                # Most entries are other nodes': their signatures are not checked here.
                if self._node_key in leaf:
                    found += _bundles_in(leaf, frontier.size, self._node_key)
                frontier.append(leaf_hash(leaf))
        if frontier.root() != point.root:
            raise _fork(f"its entries are not those of its root at {point.size}")
        return frontier, point, found

    async def _get(self, path: str) -> bytes:
        try:
            return await self._fetch(path)
        except ConnectFailed as error:
            if error.status != _NOT_FOUND:
                raise
            raise _fork(f"it has nothing at {path}") from error

    def _judge(self, index: int, bundle: Bundle) -> None:
        if self._known(bundle.hash):
            return
        name = node_nickname(node_id(self._node_key))
        reason = (
            f"the key log has a bundle of epoch {bundle.epoch} for this node ({name})"
            " that this agent did not make: somebody else has the node's key; stop the"
            " agent, move its data directory away, and tell the operator"
        )
        self._raise_alarm(
            Alarm(
                kind="unknown_bundle",
                reason=reason,
                at_ms=self._clock_ms(),
                index=index,
                epoch=bundle.epoch,
                bundle=bundle.hash.hex(),
            )
        )

    def _raise_alarm(self, alarm: Alarm) -> None:
        logger.critical("ALARM: %s", alarm.reason)
        same = (alarm.kind, alarm.index, alarm.reason)
        if any(same == (a.kind, a.index, a.reason) for a in self.state.alarms):
            return
        self.state.alarms = (*self.state.alarms, alarm)[-MAX_ALARMS:]
        if self._on_alarm is not None:
            self._on_alarm(alarm)

    async def _store(self) -> None:
        content = msgspec.json.encode(self.state)
        await to_thread.run_sync(replace, self._path, content)


def _bundles_in(leaf: bytes, index: int, node_key: bytes) -> list[tuple[int, Bundle]]:
    """The bundle in an entry, with its index, when the node has signed it."""
    try:
        read = read_leaf(leaf)
        if isinstance(read, BundleLeaf):
            bundle = read_bundle(read.body, read.sig)
            return [(index, bundle)] if bundle.ik == node_key else []
    except TrustError as error:
        logger.warning("entry %d of the key log is worthless: %s", index, error)
    return []


def _load(path: Path, key: str) -> AuditState:
    try:
        state = msgspec.json.decode(path.read_bytes(), type=AuditState)
        Frontier(state.size, state.peaks)
    except FileNotFoundError:
        return AuditState(key=key)
    except (OSError, msgspec.DecodeError, ValueError) as error:
        # All of the log is read again: nothing but the comparison with before is lost.
        logger.warning("%s cannot be used, the audit begins anew: %s", path, error)
        return AuditState(key=key)
    if state.key != key:
        logger.warning("the club signs with another key, the audit begins anew")
        return AuditState(key=key, alarms=state.alarms)
    return state


def _fork(reason: str) -> TrustError:
    return TrustError(TrustCode.LOG_FORK, f"the club showed another key log: {reason}")
