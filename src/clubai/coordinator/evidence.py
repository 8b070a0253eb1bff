"""What was said about ended tasks, and by whom: attestations and verdicts.

A verdict counts only when the task's own verdict key signed it, about the very answer
that the node attested. It is weak evidence: it is kept, and decides nothing by itself.
"""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from typing import Final, NamedTuple

from clubai.crypto.attestation import verify_verdict
from clubai.errors import RemoteProtocolError, TrustError
from clubai.model import MemberId, NodeId, TaskId, VerdictFacts
from clubai.protocol.messages import CloseCode, TaskVerdict

logger = logging.getLogger(__name__)

REMEMBERED: Final = 4096
"""Assignments on which a verdict may still come."""
UNSTORED: Final = 1024


class Judged(NamedTuple):
    """What a verdict must match."""

    member: MemberId
    node: NodeId
    cvk: bytes
    th: bytes
    attested: bytes = bytes(32)
    """Hash of the attestation's body; zeros where none came."""


Key = tuple[TaskId, int, int]
"""Task, part and attempt."""


class Evidence:
    """The last assignments, and the verdicts that have come and are not stored yet."""

    def __init__(self) -> None:
        self._judged: OrderedDict[Key, Judged] = OrderedDict()
        self._verdicts: list[VerdictFacts] = []

    def sealed(self, key: Key, judged: Judged) -> None:
        """A client has sealed a request to a node."""
        self._judged[key] = judged
        if len(self._judged) > REMEMBERED:
            self._judged.popitem(last=False)

    def attested(self, key: Key, body: bytes) -> None:
        """The node has signed its answer."""
        judged = self._judged.get(key)
        if judged is not None:
            digest = hashlib.sha256(body).digest()
            self._judged[key] = judged._replace(attested=digest)

    def judge(self, message: TaskVerdict, *, member: MemberId) -> VerdictFacts | None:
        """Take a verdict in; None when the member has no such assignment.

        Raises:
            RemoteProtocolError: it is not signed by the task's key, or about another
                assignment.
        """
        key = (TaskId(message.task), message.part, message.attempt)
        judged = self._judged.get(key)
        if judged is None or judged.member != member:
            return None
        try:
            said = verify_verdict(judged.cvk, message.body, message.sig)
        except TrustError as error:
            raise _unfounded(error.reason) from error
        if (said.th, said.node) != (judged.th, judged.node):
            raise _unfounded("it is about another assignment")
        del self._judged[key]
        facts = VerdictFacts(
            task=key[0],
            part=message.part,
            attempt=message.attempt,
            node=judged.node,
            member=member,
            value=said.value,
            score_milli=said.score_milli,
            checked=said.attestation_hash == judged.attested,
            at_ms=said.now_ms,
        )
        logger.info("task %s: verdict %d", key[0].hex(), said.value)
        self._verdicts.append(facts)
        del self._verdicts[:-UNSTORED]
        return facts

    @property
    def unstored(self) -> bool:
        """Whether a verdict is to be stored."""
        return bool(self._verdicts)

    def take(self) -> list[VerdictFacts]:
        """The verdicts that are to be stored; they are the caller's now."""
        verdicts, self._verdicts = self._verdicts, []
        return verdicts


def _unfounded(reason: str) -> RemoteProtocolError:
    return RemoteProtocolError(CloseCode.BAD_SIGNATURE, f"a verdict: {reason}")
