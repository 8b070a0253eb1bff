"""One request between a coordinator, a node and a client in this process, in steps.

Sealed, the rooms do what they do in a club. Unsealed, the same messages pass, and
nothing is signed or checked; a record is its type, its length and its bytes.
"""

from __future__ import annotations

import hashlib
import struct
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final, Literal

from benchmarks.load import PROMPT
from clubai.agent.intake import Intake
from clubai.client.attempt import Attempt, begin_attempt, request_body
from clubai.client.client import wall_clock_ms
from clubai.client.job import Job
from clubai.client.pins import Pins
from clubai.client.trust import Trust
from clubai.coordinator.assigner import Assigner, NodeKeys
from clubai.coordinator.keylog import KeyLog
from clubai.core.commands import OfferTask
from clubai.core.events import ClientKey
from clubai.crypto import identity as identities
from clubai.crypto.attestation import (
    Attestation,
    Commitment,
    Finish,
    read_attestation,
    verify_attestation,
)
from clubai.crypto.binding import bind
from clubai.crypto.bundles import read_bundle
from clubai.crypto.epochs import EpochKeys
from clubai.crypto.identity import Identity
from clubai.crypto.keys import random_bytes
from clubai.crypto.replay import ReplaySet
from clubai.crypto.schedule import transcript_hash
from clubai.crypto.sealing import NodeSeal, open_request, seal_request
from clubai.model import TaskId
from clubai.protocol.assignment import (
    Assigned,
    Assignment,
    decode_assignment,
    encode_assignment,
)
from clubai.protocol.messages import (
    TaskAssign,
    TaskOffer,
    TaskRecord,
    TaskReply,
    TaskRequest,
    TaskResult,
)
from clubai.protocol.records import (
    Opener,
    RecordReader,
    RecordType,
    RecordWriter,
    Sealer,
)

Side = Literal["client", "node", "coordinator", "either"]
Way = Literal["sealed", "plain"]
Lap = Callable[[Side, str], AbstractContextManager[None]]
NO_TAGS: Final = {
    "eq": bytes(32),
    "sketch_hash": hashlib.sha256(bytes(128)).digest(),
}
HEAD: Final = struct.Struct(">BI")


class PlainSealer:
    """Frames a record, and seals nothing."""

    def __init__(self) -> None:
        self.count = 0

    def seal(self, type_: int, data: bytes, *, fin: bool = False) -> bytes:
        self.count += 1
        return HEAD.pack(type_, len(data)) + data


class PlainOpener:
    """Takes the frame off again."""

    def __init__(self) -> None:
        self.count = 0
        self.finished = False

    def open(self, ct: bytes, *, seq: int, fin: bool) -> tuple[int, bytes]:
        type_, size = HEAD.unpack_from(ct)
        self.count += 1
        self.finished = fin
        return type_, ct[5 : 5 + size]


class Laps:
    """Processor time of many calls by what they did."""

    def __init__(self) -> None:
        self.taken: dict[tuple[Side, str, Way], list[int]] = defaultdict(list)
        for _ in range(2000):
            with self.lap("either", "nothing", "plain"):
                pass
        self.empty = median(self.taken.pop(("either", "nothing", "plain")))

    @contextmanager
    def lap(self, side: Side, what: str, way: Way) -> Iterator[None]:
        """Measure what is done in the context."""
        start = time.thread_time_ns()
        yield
        self.taken[side, what, way].append(time.thread_time_ns() - start)

    def microseconds(self, side: Side, what: str, way: Way) -> float:
        taken = self.taken.get((side, what, way))
        return max(median(taken) - self.empty, 0) / 1000 if taken else 0.0


def other_process(*known: tuple[bytes, bytes]) -> None:
    """Forget the signatures that another side has checked, but for `known` bundles."""
    identities._good._now.clear()
    identities._good._before.clear()
    for body, sig in known:
        read_bundle(body, sig)


class Exchange:
    """A coordinator, a node and a client, and one request between them at a time."""

    def __init__(self, directory: Path, keylog: KeyLog, coordinator: Identity) -> None:
        self.keylog = keylog
        self.coordinator = coordinator
        self.node = Identity.generate()
        self.epochs = EpochKeys.open(directory, self.node, now_ms=wall_clock_ms())
        self.bundle = self.epochs.current
        self.keys = NodeKeys(bundle=self.bundle, boot=random_bytes(16))
        self.intake = Intake(
            node=self.node.node_id,
            boot=self.keys.boot,
            keys=self.epochs,
            replays=ReplaySet(),
            wall_ms=wall_clock_ms,
        )
        self.assigner = Assigner(
            coordinator,
            checkpoint=keylog.checkpoint,
            own_sig=lambda node: b"",
            wall_ms=wall_clock_ms,
        )
        self.trust = Trust(Pins.in_memory(), clock_ms=wall_clock_ms)
        self.trust.pin_coordinator(coordinator.key)
        messages = [{"role": "user", "content": PROMPT}]
        self.job = Job(kind="chat", model="mock", body={"messages": messages})
        self.body = request_body(self.job)
        self.answer = b'{"delta":{"content":"tok tok tok tok "}}\n' * 4

    def asked(self, cvk: bytes) -> tuple[OfferTask, TaskRequest]:
        request = TaskRequest(ref=1, model="mock", cvk=cvk)
        command = OfferTask(
            client=ClientKey(1),
            ref=1,
            task=TaskId(random_bytes(16)),
            part=0,
            attempt=0,
            node=self.node.node_id,
            node_name="attic",
            model="mock",
            kind="chat",
            max_tokens=0,
            stream=True,
            queued_ms=0,
        )
        return command, request

    def attestation(self, th: bytes, out_commit: bytes, records: int) -> bytes:
        return Attestation(
            th=th,
            out_commit=out_commit,
            prompt_tokens=16,
            output_tokens=64,
            ttft_ms=90,
            total_ms=400,
            finish=Finish.STOP,
            records=records,
            now_ms=wall_clock_ms(),
            **NO_TAGS,
        ).encode()

    async def sealed(self, laps: Laps) -> None:
        """One request and its answer, as the rooms do it."""
        lap = partial(laps.lap, way="sealed")
        shown = (self.bundle.body, self.bundle.sig)
        with lap("client", "draw the task's verdict key"):
            verdict_key = Identity.generate()
        command, request = self.asked(verdict_key.key)
        other_process()
        with lap("coordinator", "make and sign the assignment"):
            made = self.assigner.offer(command, request, self.keys)
        other_process(shown)
        with lap("client", "check the offer, seal the head"):
            attempt = await begin_attempt(
                made.offer,
                self.job,
                verdict_key=verdict_key,
                after=-1,
                trust=self.trust,
                fetch=self.keylog.read,
                now_ms=wall_clock_ms(),
            )
        assign, record = attempt.request(self.body)
        assert isinstance(assign, TaskAssign)
        assert isinstance(record, TaskRecord)
        with lap("coordinator", "compare and bind the sealed head"):
            assert assign.body == made.offer.body
            th = transcript_hash(made.binding_hash, assign.enc_head)
        other_process()
        with lap("node", "check the assignment, open the head"):
            admitted = self.intake.admit(assign, coordinator_key=self.coordinator.key)
        assert RecordReader(admitted.seal.records).read(record)[1] == self.body
        assert admitted.seal.th == th
        await self._sealed_answer(lap, command.task, admitted.seal, attempt)

    async def _sealed_answer(
        self, lap: Lap, task: bytes, seal: NodeSeal, attempt: Attempt
    ) -> None:
        with lap("node", "begin the answer"):
            keys = seal.begin_reply()
            commitment = Commitment(keys.out_key)
            writer = RecordWriter(task, 0, 0, keys.records)
        commitment.update(self.answer)
        records = [
            writer.write(RecordType.DATA, self.answer),
            writer.write(RecordType.USAGE, b"{}", fin=True),
        ]
        with lap("node", "sign what it answered"):
            body = self.attestation(seal.th, commitment.digest(), writer.count)
            sig = self.node.sign(body)
        other_process()
        with lap("coordinator", "check what the node signed"):
            verify_attestation(self.bundle.ik, body, sig)
        with lap("client", "derive the answer's keys"):
            attempt.reply(TaskReply(task=task, part=0, attempt=0, hdr=keys.hdr))
        for each in records:
            attempt.record(each)
        other_process()
        result = TaskResult(task=task, part=0, attempt=0, body=body, sig=sig)
        with lap("client", "check what the node signed"):
            await attempt.result(result)

    async def plain(self, laps: Laps) -> None:
        """The same messages, with nothing signed, checked or sealed."""
        lap = partial(laps.lap, way="plain")
        command, request = self.asked(bytes(32))
        with lap("coordinator", "make and sign the assignment"):
            offer = self._unsigned(command, request)
        with lap("client", "check the offer, seal the head"):
            assignment = decode_assignment(offer.body)
            assigned = assignment.parts[0]
            assert (assignment.task, assigned.model) == (offer.task, self.job.model)
            assign = TaskAssign(
                task=offer.task,
                part=0,
                attempt=0,
                body=offer.body,
                sig=offer.sig,
                enc_head=bytes(176),
                commit=bytes(32),
            )
        with lap("coordinator", "compare and bind the sealed head"):
            assert assign.body == offer.body
        with lap("node", "check the assignment, open the head"):
            found = decode_assignment(assign.body).find(assign.part, assign.attempt)
            assert found is not None
            assert found.node == self.node.node_id
        with lap("node", "begin the answer"):
            RecordWriter(command.task, 0, 0, PlainSealer())
        with lap("node", "sign what it answered"):
            body = self.attestation(bytes(32), bytes(32), 2)
        with lap("coordinator", "check what the node signed"):
            read_attestation(body)
        with lap("client", "derive the answer's keys"):
            RecordReader(PlainOpener())
        with lap("client", "check what the node signed"):
            read_attestation(body)

    def _unsigned(self, command: OfferTask, request: TaskRequest) -> TaskOffer:
        now_ms = wall_clock_ms()
        assigned = Assigned(
            part=command.part,
            attempt=command.attempt,
            node=command.node,
            bundle=self.bundle.body,
            bundle_sig=self.bundle.sig,
            boot=self.keys.boot,
            model=command.model,
            kind=command.kind,
            max_tokens=command.max_tokens,
            stream=command.stream,
            deadline_s=request.deadline_s,
        )
        assignment = Assignment(
            task=command.task,
            issued_ms=now_ms,
            expires_ms=now_ms + 60_000,
            cvk=request.cvk,
            mode=request.mode,
            parts=(assigned,),
            checkpoint=self.keylog.checkpoint(),
        )
        return TaskOffer(
            ref=command.ref,
            task=command.task,
            body=encode_assignment(assignment),
            sig=bytes(64),
            node_name=command.node_name,
            queued_ms=0,
        )

    def direction(self) -> tuple[Sealer, Opener]:
        """Both ends of a new request's records."""
        command, request = self.asked(bytes(32))
        body = self.assigner.offer(command, request, self.keys).offer.body
        assignment = decode_assignment(body)
        binding = bind(assignment, assignment.parts[0], body)
        seal = seal_request(binding, self.bundle.ek)
        private_key = self.epochs.private(self.bundle.hash)
        assert private_key is not None
        opened = open_request(binding, seal.enc_head, seal.commit, private_key)
        return seal.records, opened.records
