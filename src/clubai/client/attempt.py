"""One attempt at a task, as its client has sealed it to a node.

`begin_attempt` checks all that the coordinator says about the node before a byte of the
request is sealed; the `Attempt` opens what comes back, and checks at the end that it is
what the node has signed. Only the client and the node have the keys.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import Final

import msgspec
from anyio.to_thread import run_sync

from clubai.client.job import Job
from clubai.client.logview import Fetch
from clubai.client.trust import Trust
from clubai.crypto.agreement import equality_tag, sketch
from clubai.crypto.assignment import verify_assignment
from clubai.crypto.attestation import (
    Attestation,
    Commitment,
    Verdict,
    VerdictValue,
    verify_attestation,
)
from clubai.crypto.binding import bind
from clubai.crypto.bundles import Bundle, read_bundle
from clubai.crypto.identity import Identity
from clubai.crypto.sealing import ClientSeal, ReplyOpener, seal_request
from clubai.errors import RemoteProtocolError, TrustError
from clubai.model import NodeId, TrustCode
from clubai.protocol.assignment import Assigned, Assignment, decode_assignment
from clubai.protocol.messages import (
    TaskAssign,
    TaskFail,
    TaskOffer,
    TaskRecord,
    TaskReply,
    TaskResult,
    TaskVerdict,
)
from clubai.protocol.records import (
    COMPARE,
    STEADY,
    RecordReader,
    RecordType,
    RecordWriter,
    decode_choices,
    decode_failure,
    text_of,
)

HEADER_BYTES: Final = 96
MOST_SKEW_MS: Final = 120_000
VERDICTS: Final = {TrustCode.TRUNCATED: VerdictValue.TRUNCATED}
"""What a failed check says about the node's answer; all others: undecryptable."""


class Attempt:
    """One node's attempt; `record` and `result` take what comes, in order."""

    def __init__(
        self,
        message: TaskAssign,
        assigned: Assigned,
        bundle: Bundle,
        seal: ClientSeal,
        *,
        compared: bool,
    ) -> None:
        self.assigned = assigned
        self.node = NodeId(assigned.node)
        self._message = message
        self._bundle = bundle
        self._seal = seal
        self._compared = compared
        self._text: list[str] = []
        self._reply: ReplyOpener | None = None
        self._reader: RecordReader | None = None
        self._commitment: Commitment | None = None
        self._attestation_hash = bytes(32)

    def request(self, body: bytes) -> Iterator[TaskAssign | TaskRecord]:
        """The sealed request, message by message."""
        yield self._message
        writer = RecordWriter(
            self._message.task,
            self.assigned.part,
            self.assigned.attempt,
            self._seal.records,
        )
        yield from writer.write_all(body)

    def reply(self, message: TaskReply) -> None:
        """Take the node's half of the answer's keys. Raises `TrustError`."""
        if self._reply is not None:
            raise TrustError(TrustCode.OUT_OF_ORDER, "the answer began twice")
        self._open(message.hdr)

    def record(self, message: TaskRecord) -> tuple[RecordType, bytes]:
        """Open the next record of the answer. Raises `TrustError`."""
        if self._reader is None or self._commitment is None:
            raise TrustError(TrustCode.OUT_OF_ORDER, "a record before the answer began")
        type_, content = self._reader.read(message)
        if type_ is RecordType.DATA:
            self._commitment.update(content)
            if self._compared and self.assigned.kind != "embedding":
                steps = decode_choices(content)
                self._text += [text_of(step) for step in steps if not step.index]
        return type_, content

    async def result(self, message: TaskResult) -> Attestation:
        """Check that the answer is whole, as its node signed. Raises `TrustError`."""
        if self._reader is None or self._commitment is None:
            raise TrustError(TrustCode.TRUNCATED, "the answer ended before it began")
        if not self._reader.finished:
            raise TrustError(
                TrustCode.TRUNCATED, "the answer ended before its final record"
            )
        said = verify_attestation(self._bundle.ik, message.body, message.sig)
        self._attestation_hash = hashlib.sha256(message.body).digest()
        if (
            not hmac.compare_digest(said.th, self._seal.th)
            or not hmac.compare_digest(said.out_commit, self._commitment.digest())
            or said.records != self._reader.count
        ):
            raise TrustError(
                TrustCode.BAD_ATTESTATION, "the node signed another answer"
            )
        if self._compared:
            # Seconds for the longest answers: whatever else the program does goes on.
            await run_sync(self._check_tags, said, abandon_on_cancel=True)
        return said

    def failure(self, message: TaskFail) -> str:
        """The node's own words about a failure; empty when they cannot be read."""
        sealed = message.sealed
        if not sealed or message.attempt != self.assigned.attempt:
            return ""
        try:
            if self._reader is None:
                self._open(sealed[:HEADER_BYTES])
                sealed = sealed[HEADER_BYTES:]
            return self._read_failure(sealed)
        except (TrustError, RemoteProtocolError):
            return ""  # it may have been altered on the way: nobody is to blame

    def verdict(
        self, value: VerdictValue, key: Identity, *, now_ms: int
    ) -> TaskVerdict:
        """What to tell the coordinator of an answer."""
        verdict = Verdict(
            th=self._seal.th,
            node=self.node,
            attestation_hash=self._attestation_hash,
            value=value,
            score_milli=0,
            now_ms=now_ms,
        )
        body = verdict.encode()
        return TaskVerdict(
            task=self._message.task,
            part=self.assigned.part,
            attempt=self.assigned.attempt,
            body=body,
            sig=key.sign(body),
        )

    def _open(self, hdr: bytes) -> None:
        self._reply = self._seal.open_reply(hdr)
        self._reader = RecordReader(self._reply.records)
        self._commitment = Commitment(self._reply.out_key)

    def _read_failure(self, ct: bytes) -> str:
        if self._reply is None:
            return ""
        records = self._reply.records
        type_, content = records.open(ct, seq=records.count, fin=True)
        return decode_failure(content).message if type_ == RecordType.ERROR else ""

    def _check_tags(self, said: Attestation) -> None:
        text, key = "".join(self._text), self._seal.cmp_key
        sketch_hash = hashlib.sha256(sketch(key, text)).digest()
        if said.eq != equality_tag(key, text) or said.sketch_hash != sketch_hash:
            raise TrustError(
                TrustCode.TAG_LIE, "the node's tags are not of the answer that it gave"
            )


async def begin_attempt(
    offer: TaskOffer,
    job: Job,
    *,
    verdict_key: Identity,
    after: int,
    trust: Trust,
    fetch: Fetch,
    now_ms: int,
) -> Attempt:
    """Check an offer, and seal a new secret to its node.

    Args:
        offer: What the coordinator offers.
        job: What was asked for.
        verdict_key: The client's key for this task.
        after: The number of the last attempt; -1 before the first.
        trust: What is known of the club and its nodes.
        fetch: Reads the key log, where a node is new.
        now_ms: This machine's time.

    Raises:
        TrustError: the offer is not what was asked for, or its node is not trusted.
    """
    verify_assignment(trust.key, offer.body, offer.sig)
    try:
        assignment = decode_assignment(offer.body)
    except RemoteProtocolError as error:
        raise TrustError(TrustCode.BAD_ASSIGNMENT, error.reason) from error
    assigned = _expected(assignment, offer, job, verdict_key.key, after)
    if now_ms >= assignment.expires_ms + MOST_SKEW_MS:
        raise TrustError(TrustCode.EXPIRED, "the assignment has expired")
    bundle = read_bundle(assigned.bundle, assigned.bundle_sig)
    if bundle.node != assigned.node:
        raise TrustError(TrustCode.BAD_BUNDLE, "the keys are another node's")
    await trust.examine(bundle, assigned.own_sig, assignment.checkpoint, fetch)
    return _seal(offer, assignment, assigned, bundle, job)


def _seal(
    offer: TaskOffer,
    assignment: Assignment,
    assigned: Assigned,
    bundle: Bundle,
    job: Job,
) -> Attempt:
    binding = bind(assignment, assigned, offer.body)
    compared = job.compared is not None
    cmp_key = job.compared.key if job.compared else None
    flags = (COMPARE if compared else 0) | (STEADY if job.privacy == "high" else 0)
    seal = seal_request(binding, bundle.ek, cmp_key=cmp_key, flags=flags)
    message = TaskAssign(
        task=offer.task,
        part=assigned.part,
        attempt=assigned.attempt,
        body=offer.body,
        sig=offer.sig,
        enc_head=seal.enc_head,
        commit=seal.commit,
    )
    return Attempt(message, assigned, bundle, seal, compared=compared)


def _expected(
    assignment: Assignment, offer: TaskOffer, job: Job, cvk: bytes, after: int
) -> Assigned:
    """The one part of an assignment that is exactly what was asked for."""
    assigned = assignment.parts[0]
    told = {
        "task": (assignment.task, offer.task),
        "verdict key": (assignment.cvk, cvk),
        "mode": (assignment.mode, job.mode),
        "count of parts": (len(assignment.parts), 1),
        "model": (assigned.model, job.model),
        "kind": (assigned.kind, job.kind),
        "stream": (assigned.stream, job.stream),
        "longest answer": (assigned.max_tokens, job.max_tokens),
    }
    for what, (given, asked) in told.items():
        if given != asked:
            raise TrustError(
                TrustCode.WRONG_ASSIGNMENT,
                f"the coordinator assigns another {what} than was asked for",
            )
    if assigned.attempt <= after:
        raise TrustError(TrustCode.REPLAYED, "the coordinator offers an old attempt")
    return assigned


def request_body(job: Job) -> bytes:
    """The bytes of a job's request: the OpenAI request's JSON."""
    return msgspec.json.encode(job.body)
