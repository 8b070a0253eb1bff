"""A node and a coordinator's signature, as tests of the sealed path play them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from clubai.coordinator.assigner import NodeKeys
from clubai.crypto.assignment import sign_assignment
from clubai.crypto.attestation import Attestation, Commitment, Finish
from clubai.crypto.binding import bind
from clubai.crypto.bundles import make_bundle, read_bundle
from clubai.crypto.identity import Identity
from clubai.crypto.sealing import (
    ClientSeal,
    NodeSeal,
    ReplyOpener,
    ReplySeal,
    open_request,
    seal_request,
)
from clubai.protocol.assignment import (
    Assigned,
    Assignment,
    decode_assignment,
    encode_assignment,
)
from clubai.protocol.messages import (
    TaskAssign,
    TaskFail,
    TaskOffer,
    TaskRecord,
    TaskReply,
    TaskRequest,
    TaskResult,
)
from clubai.protocol.records import (
    Choice,
    RecordReader,
    RecordType,
    RecordWriter,
    encode_choice,
    encode_failure,
)

NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000
LONG_AGO_MS, LONG_AFTER_MS = 0, 1 << 45
BOOT = b"b" * 16


class PlayedNode:
    """A node whose keys are always valid, that answers what a test says."""

    def __init__(self, identity: Identity | None = None, *, boot: bytes = BOOT) -> None:
        self.identity = identity or Identity.generate()
        self.private_key = X25519PrivateKey.generate()
        self.boot = boot
        self.bundle = make_bundle(
            self.identity,
            self.private_key.public_key().public_bytes_raw(),
            epoch=1,
            nbf_ms=LONG_AGO_MS,
            naf_ms=LONG_AFTER_MS,
            previous=bytes(32),
        )

    @property
    def keys(self) -> NodeKeys:
        return NodeKeys(bundle=self.bundle, boot=self.boot)

    def open(self, message: TaskAssign, *, begin: bool = True) -> PlayedAnswer:
        assignment = decode_assignment(message.body)
        assigned = assignment.find(message.part, message.attempt)
        assert assigned is not None
        binding = bind(assignment, assigned, message.body)
        seal = open_request(binding, message.enc_head, message.commit, self.private_key)
        return PlayedAnswer(self, message, seal, begin=begin)


class PlayedAnswer:
    """One attempt on the node's side: opens the request, seals an answer."""

    def __init__(
        self, node: PlayedNode, message: TaskAssign, seal: NodeSeal, *, begin: bool
    ) -> None:
        self.node = node
        self.message = message
        self.seal = seal
        self.reader = RecordReader(seal.records)
        if not begin:
            return
        self.keys: ReplySeal = seal.begin_reply()
        self.writer = RecordWriter(
            message.task, message.part, message.attempt, self.keys.records
        )
        self.commitment = Commitment(self.keys.out_key)

    def read(self, records: Iterable[TaskRecord]) -> bytes:
        return b"".join(self.reader.read(record)[1] for record in records)

    def reply(self) -> TaskReply:
        message = self.message
        return TaskReply(
            task=message.task,
            part=message.part,
            attempt=message.attempt,
            hdr=self.keys.hdr,
        )

    def data(self, *choices: Choice) -> TaskRecord:
        return self.raw(b"".join(encode_choice(choice) for choice in choices))

    def raw(self, content: bytes) -> TaskRecord:
        self.commitment.update(content)
        return self.writer.write(RecordType.DATA, content)

    def usage(self, prompt: int = 5, completion: int = 2) -> TaskRecord:
        usage = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }
        body = msgspec.json.encode(usage)
        return self.writer.write(RecordType.USAGE, body, fin=True)

    def result(
        self, prompt: int = 5, completion: int = 2, **changes: object
    ) -> TaskResult:
        fields = {
            "th": self.seal.th,
            "out_commit": self.commitment.digest(),
            "prompt_tokens": prompt,
            "output_tokens": completion,
            "ttft_ms": 90,
            "total_ms": 400,
            "finish": Finish.STOP,
            "records": self.writer.count,
            "now_ms": NOW_MS,
            "eq": bytes(32),
            "sketch_hash": hashlib.sha256(bytes(128)).digest(),
            **changes,
        }
        body = Attestation(**fields).encode()  # type: ignore[arg-type]
        return TaskResult(
            task=self.message.task,
            part=self.message.part,
            attempt=self.message.attempt,
            body=body,
            sig=self.node.identity.sign(body),
            eq=bytes(32),
            sketch=bytes(128),
        )

    def failure(self, code: object, message: str) -> TaskFail:
        ct = self.keys.records.seal(RecordType.ERROR, encode_failure(message), fin=True)
        return TaskFail(
            code=code,  # type: ignore[arg-type]
            message="a general text",
            task=self.message.task,
            part=self.message.part,
            attempt=self.message.attempt,
            sealed=self.keys.hdr + ct,
        )


def attested(task: bytes, identity: Identity | None = None) -> TaskResult:
    """What a node says of an answer that nobody has asked it for."""
    body = Attestation(
        th=bytes(32),
        out_commit=bytes(32),
        prompt_tokens=5,
        output_tokens=2,
        ttft_ms=90,
        total_ms=400,
        finish=Finish.STOP,
        records=2,
        now_ms=NOW_MS,
        eq=bytes(32),
        sketch_hash=bytes(32),
    ).encode()
    sig = (identity or Identity.generate()).sign(body)
    return TaskResult(task=task, body=body, sig=sig)


def made_offer(
    coordinator: Identity,
    request: TaskRequest,
    node: NodeKeys,
    *,
    task: bytes,
    attempt: int = 0,
    now_ms: int = NOW_MS,
    node_name: str = "attic",
    queued_ms: int = 3,
    **changes: object,
) -> TaskOffer:
    """An offer as an honest coordinator would make it, but for `changes`."""
    assigned = {
        "attempt": attempt,
        "node": node.bundle.node,
        "bundle": node.bundle.body,
        "bundle_sig": node.bundle.sig,
        "boot": node.boot,
        "model": request.model,
        "kind": request.kind,
        "max_tokens": request.max_tokens,
        "stream": request.stream,
        "deadline_s": request.deadline_s,
    }
    whole = {
        "task": task,
        "issued_ms": now_ms,
        "expires_ms": now_ms + 60_000,
        "cvk": request.cvk,
        "mode": request.mode,
    }
    for name, value in changes.items():
        (assigned if name in Assigned.__struct_fields__ else whole)[name] = value
    part = Assigned(**assigned)  # type: ignore[arg-type]
    body = encode_assignment(Assignment(parts=(part,), **whole))  # type: ignore[arg-type]
    return TaskOffer(
        ref=request.ref,
        task=task,
        body=body,
        sig=sign_assignment(coordinator, body),
        node_name=node_name,
        queued_ms=queued_ms,
    )


class PlayedClient:
    """A client that takes any offer and seals to it."""

    def __init__(self) -> None:
        self.verdict_key = Identity.generate()

    def request(self, ref: int = 1, **fields: object) -> TaskRequest:
        values = {"ref": ref, "model": "m", "cvk": self.verdict_key.key, **fields}
        return TaskRequest(**values)  # type: ignore[arg-type]

    def take(self, offer: TaskOffer, body: bytes = b"{}", **head: int) -> PlayedRequest:
        assignment = decode_assignment(offer.body)
        (assigned,) = assignment.parts
        bundle = read_bundle(assigned.bundle, assigned.bundle_sig)
        seal = seal_request(bind(assignment, assigned, offer.body), bundle.ek, **head)
        return PlayedRequest(offer, assigned, seal, body)


class PlayedRequest:
    """One attempt on the client's side."""

    def __init__(
        self, offer: TaskOffer, assigned: Assigned, seal: ClientSeal, body: bytes
    ) -> None:
        self.seal = seal
        self.assign = TaskAssign(
            task=offer.task,
            part=assigned.part,
            attempt=assigned.attempt,
            body=offer.body,
            sig=offer.sig,
            enc_head=seal.enc_head,
            commit=seal.commit,
        )
        self.writer = RecordWriter(
            offer.task, assigned.part, assigned.attempt, seal.records
        )
        self.records = list(self.writer.write_all(body))

    def opened(self, messages: Iterable[object]) -> list[tuple[RecordType, bytes]]:
        """The records of an answer, opened, and the words of a sealed failure."""
        out: list[tuple[RecordType, bytes]] = []
        reply: ReplyOpener | None = None
        for message in messages:
            if isinstance(message, TaskReply):
                reply = self.seal.open_reply(message.hdr)
            elif isinstance(message, TaskRecord):
                assert reply is not None
                out.append(RecordReader(reply.records).read(message))
            elif isinstance(message, TaskFail) and message.sealed:
                ct = message.sealed
                if reply is None:
                    reply, ct = self.seal.open_reply(ct[:96]), ct[96:]
                seq = reply.records.count
                type_, content = reply.records.open(ct, seq=seq, fin=True)
                out.append((RecordType(type_), content))
        return out
