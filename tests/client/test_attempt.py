"""A coordinator and a node that lie: each lie ends in an error of its own.

The client's side is real; the other side is played by hand.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Awaitable, Callable

import pytest
from msgspec.structs import replace

from clubai.client.attempt import Attempt, begin_attempt, request_body
from clubai.client.job import Compared, Job
from clubai.client.trust import Trust
from clubai.crypto.agreement import equality_tag, sketch
from clubai.crypto.attestation import VerdictValue, verify_verdict
from clubai.crypto.identity import Identity
from clubai.errors import RemoteProtocolError, TrustError
from clubai.model import FailCode, TrustCode
from clubai.protocol.assignment import decode_assignment, encode_assignment
from clubai.protocol.messages import TaskOffer, TaskReply, TaskRequest
from clubai.protocol.records import RecordType
from support.coordinator_script import stop, word
from support.sealed_peers import (
    NOW_MS,
    PlayedAnswer,
    PlayedNode,
    attested,
    made_offer,
)

TASK = b"t" * 16
JOB = Job(kind="chat", model="m", body={"messages": ["secret"]}, max_tokens=9)
CVK = Identity.generate()
COORDINATOR = Identity.generate()
Change = Callable[["Play"], None]


async def nothing(path: str) -> bytes:
    raise AssertionError(f"the log was asked for {path}")


class Play:
    """A client's attempt, and the node that answers it."""

    def __init__(self, job: Job = JOB) -> None:
        self.job = job
        self.node = PlayedNode()
        self.request = TaskRequest(
            ref=1,
            model=job.model,
            kind=job.kind,
            max_tokens=job.max_tokens,
            stream=job.stream,
            cvk=CVK.key,
        )

    def offer(self, **changes: object) -> TaskOffer:
        return made_offer(
            COORDINATOR,
            self.request,
            self.node.keys,
            task=TASK,
            **changes,  # type: ignore[arg-type]
        )

    async def begin(
        self, offer: TaskOffer | None = None, *, after: int = -1, now_ms: int = NOW_MS
    ) -> Attempt:
        return await begin_attempt(
            offer or self.offer(),
            self.job,
            verdict_key=CVK,
            after=after,
            trust=Trust.of_own_process(COORDINATOR.key, clock_ms=lambda: NOW_MS),
            fetch=nothing,
            now_ms=now_ms,
        )

    async def sealed(self) -> tuple[Attempt, PlayedAnswer, bytes]:
        """An attempt whose request has reached its node."""
        attempt = await self.begin()
        assign, *records = attempt.request(request_body(self.job))
        answer = self.node.open(assign)  # type: ignore[arg-type]
        body = answer.read(records)  # type: ignore[arg-type]
        return attempt, answer, body


async def refused(code: TrustCode, attempt: Awaitable[object]) -> None:
    with pytest.raises(TrustError) as caught:
        await attempt
    assert caught.value.code is code


async def test_a_request_is_for_its_node_alone_and_the_answer_is_checked() -> None:
    attempt, answer, body = await Play().sealed()
    assert body == b'{"messages":["secret"]}'

    attempt.reply(answer.reply())
    type_, content = attempt.record(answer.data(word("a"), stop()))
    assert (type_, content.count(b"\n")) == (RecordType.DATA, 2)
    attempt.record(answer.usage())
    said = await attempt.result(answer.result())

    assert (said.prompt_tokens, said.output_tokens) == (5, 2)


async def test_nothing_of_the_request_is_in_what_is_sent() -> None:
    attempt = await Play().begin()
    for message in attempt.request(request_body(JOB)):
        assert b"secret" not in repr(message).encode()
        assert b"secret" not in getattr(message, "ct", b"")


async def test_another_coordinators_signature_is_refused() -> None:
    play = Play()
    liar = Identity.generate()
    offer = made_offer(liar, play.request, play.node.keys, task=TASK)
    await refused(TrustCode.BAD_ASSIGNMENT, play.begin(offer))


@pytest.mark.parametrize(
    "changed",
    [
        {"model": "cheaper"},
        {"kind": "completion"},
        {"stream": False},
        {"max_tokens": 1},
        {"cvk": bytes(32)},
        {"mode": "consensus"},
    ],
)
async def test_an_assignment_of_something_else_is_refused(
    changed: dict[str, object],
) -> None:
    play = Play()
    await refused(TrustCode.WRONG_ASSIGNMENT, play.begin(play.offer(**changed)))


async def test_an_assignment_of_another_task_is_refused() -> None:
    play = Play()
    offer = replace(play.offer(), task=b"u" * 16)
    await refused(TrustCode.WRONG_ASSIGNMENT, play.begin(offer))


async def test_an_assignment_that_is_none_is_refused() -> None:
    play = Play()
    body = b"clubai/1 assignment\xc1"
    offer = replace(play.offer(), body=body, sig=COORDINATOR.sign(body))
    await refused(TrustCode.BAD_ASSIGNMENT, play.begin(offer))


async def test_an_old_attempt_is_not_taken_again() -> None:
    await refused(TrustCode.REPLAYED, Play().begin(after=0))


async def test_an_expired_assignment_is_refused() -> None:
    late = NOW_MS + 60_000 + 120_000
    await refused(TrustCode.EXPIRED, Play().begin(now_ms=late))
    await Play().begin(now_ms=late - 1)


async def test_a_key_that_the_coordinator_put_in_its_place_is_refused() -> None:
    """The node's id, with keys that are signed by somebody else."""
    play, impostor = Play(), PlayedNode()
    bundle = {"bundle": impostor.bundle.body, "bundle_sig": impostor.bundle.sig}
    await refused(TrustCode.BAD_BUNDLE, play.begin(play.offer(**bundle)))
    forged = {"bundle": impostor.bundle.body, "bundle_sig": play.node.bundle.sig}
    await refused(TrustCode.BAD_BUNDLE, play.begin(play.offer(**forged)))


async def test_a_node_of_another_boot_cannot_open_it() -> None:
    play = Play()
    offer = play.offer(boot=b"x" * 16)
    attempt = await play.begin(offer)
    assign = next(iter(attempt.request(b"{}")))
    honest = replace(assign, body=play.offer().body)  # type: ignore[type-var]
    with pytest.raises(TrustError):
        play.node.open(honest)  # type: ignore[arg-type]


async def test_an_answer_before_its_keys_is_refused() -> None:
    attempt, answer, _ = await Play().sealed()
    with pytest.raises(TrustError) as caught:
        attempt.record(answer.data(word("a")))
    assert caught.value.code is TrustCode.OUT_OF_ORDER


async def test_keys_that_the_coordinator_made_are_refused() -> None:
    attempt, answer, _ = await Play().sealed()
    with pytest.raises(TrustError) as caught:
        attempt.reply(replace(answer.reply(), hdr=b"\x07" * 96))
    assert caught.value.code is TrustCode.OPEN_FAILED


async def test_an_answer_begins_once() -> None:
    attempt, answer, _ = await Play().sealed()
    attempt.reply(answer.reply())
    with pytest.raises(TrustError) as caught:
        attempt.reply(answer.reply())
    assert caught.value.code is TrustCode.OUT_OF_ORDER


async def begun() -> tuple[Attempt, PlayedAnswer]:
    attempt, answer, _ = await Play().sealed()
    attempt.reply(answer.reply())
    return attempt, answer


async def test_reordered_records_are_refused() -> None:
    attempt, answer = await begun()
    first, second = answer.data(word("a")), answer.data(word("b"))
    with pytest.raises(TrustError) as caught:
        attempt.record(second)
    assert caught.value.code is TrustCode.OUT_OF_ORDER
    assert first.seq == 0


async def test_an_altered_record_is_refused() -> None:
    attempt, answer = await begun()
    record = answer.data(word("a"))
    altered = replace(record, ct=record.ct[:-1] + bytes([record.ct[-1] ^ 1]))
    with pytest.raises(TrustError) as caught:
        attempt.record(altered)
    assert caught.value.code is TrustCode.BAD_RECORD


async def test_a_forged_end_is_refused() -> None:
    attempt, answer = await begun()
    with pytest.raises(TrustError) as caught:
        attempt.record(replace(answer.data(word("a")), fin=True))
    assert caught.value.code is TrustCode.BAD_RECORD


async def test_an_answer_without_its_end_is_truncated() -> None:
    attempt, answer = await begun()
    attempt.record(answer.data(word("a")))
    with pytest.raises(TrustError) as caught:
        await attempt.result(answer.result())
    assert caught.value.code is TrustCode.TRUNCATED


@pytest.mark.parametrize(
    "lie",
    [
        {"th": bytes(32)},
        {"out_commit": bytes(32)},
        {"records": 7},
    ],
)
async def test_an_attestation_of_another_answer_is_refused(
    lie: dict[str, object],
) -> None:
    attempt, answer = await begun()
    attempt.record(answer.data(word("a")))
    attempt.record(answer.usage())
    with pytest.raises(TrustError) as caught:
        await attempt.result(answer.result(**lie))
    assert caught.value.code is TrustCode.BAD_ATTESTATION


async def test_an_attestation_of_another_node_is_refused() -> None:
    attempt, answer = await begun()
    attempt.record(answer.usage())
    with pytest.raises(TrustError) as caught:
        await attempt.result(attested(TASK))
    assert caught.value.code is TrustCode.BAD_ATTESTATION


async def test_an_assignment_of_several_parts_is_not_what_was_asked() -> None:
    play = Play()
    offer = play.offer()
    whole = decode_assignment(offer.body)
    both = (*whole.parts, replace(whole.parts[0], part=1, model="another"))
    body = encode_assignment(replace(whole, parts=both))
    offer = replace(offer, body=body, sig=COORDINATOR.sign(body))
    await refused(TrustCode.WRONG_ASSIGNMENT, play.begin(offer))


async def test_the_words_of_another_attempt_are_left_out() -> None:
    attempt, answer, _ = await Play().sealed()
    failure = answer.failure(FailCode.BACKEND, "words")
    assert attempt.failure(replace(failure, attempt=1)) == ""
    assert attempt.failure(failure) == "words"


async def compared(**lie: object) -> TrustCode | None:
    play = Play(replace(JOB, compared=Compared(key=b"k" * 32, group=b"g" * 16, size=2)))
    attempt, answer, _ = await play.sealed()
    attempt.reply(answer.reply())
    second = replace(word(" and more"), index=1)
    attempt.record(answer.data(word("Hello "), second, word("world"), stop()))
    attempt.record(answer.usage())
    tags = {
        "eq": equality_tag(b"k" * 32, "hello world"),
        "sketch_hash": hashlib.sha256(sketch(b"k" * 32, "Hello world")).digest(),
        **lie,
    }
    try:
        await attempt.result(answer.result(**tags))
    except TrustError as error:
        return error.code
    return None


async def test_tags_are_checked_beside_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads = []

    def noted(key: bytes, text: str) -> bytes:
        threads.append(threading.get_ident())
        return sketch(key, text)

    monkeypatch.setattr("clubai.client.attempt.sketch", noted)

    assert await compared() is None
    assert len(threads) == 1
    assert threads != [threading.get_ident()]


async def test_tags_are_checked_against_the_text() -> None:
    assert await compared() is None
    assert await compared(eq=bytes(32)) is TrustCode.TAG_LIE
    assert await compared(sketch_hash=bytes(32)) is TrustCode.TAG_LIE


async def test_a_nodes_words_about_a_failure_reach_only_the_client() -> None:
    attempt, answer, _ = await Play().sealed()
    failure = answer.failure(FailCode.BAD_REQUEST, "the prompt 'secret' is odd")
    assert attempt.failure(failure) == "the prompt 'secret' is odd"
    assert b"secret" not in failure.sealed


async def test_altered_words_are_left_out_and_blame_nobody() -> None:
    attempt, answer, _ = await Play().sealed()
    failure = answer.failure(FailCode.BACKEND, "words")
    assert attempt.failure(replace(failure, sealed=failure.sealed[:-1])) == ""
    assert attempt.failure(replace(failure, sealed=b"short")) == ""
    assert attempt.failure(replace(failure, attempt=5)) == ""


async def test_a_verdict_names_the_answer_and_is_signed_for_the_task() -> None:
    attempt, answer = await begun()
    attempt.record(answer.usage())
    result = answer.result(records=99)
    with pytest.raises(TrustError):
        await attempt.result(result)
    message = attempt.verdict(VerdictValue.USELESS, CVK, now_ms=NOW_MS)

    verdict = verify_verdict(CVK.key, message.body, message.sig)
    assert verdict.value is VerdictValue.USELESS
    assert verdict.node == answer.node.identity.node_id
    assert verdict.th == answer.seal.th
    assert verdict.attestation_hash == hashlib.sha256(result.body).digest()


async def test_records_of_the_request_are_no_answer() -> None:
    play = Play()
    attempt = await play.begin()
    assign, request = attempt.request(b"{}")
    answer = play.node.open(assign)  # type: ignore[arg-type]
    attempt.reply(answer.reply())
    with pytest.raises((TrustError, RemoteProtocolError)):
        attempt.record(request)  # type: ignore[arg-type]


def test_a_reply_head_has_one_size() -> None:
    assert TaskReply(task=TASK, hdr=bytes(96)).hdr == bytes(96)
