"""Facts, events and a small month for the tests of the money."""

from __future__ import annotations

from clubai.crypto.identity import Identity
from clubai.economics.close import Closing, Income, Inputs, close
from clubai.economics.metering import Standing, weigh
from clubai.economics.month import Period
from clubai.economics.ratecard import CARD_1
from clubai.economics.settling import Item, settle
from clubai.economics.statement import (
    OWN_LABEL,
    Statement,
    make_statement,
    own_part,
)
from clubai.model import MemberId, NodeId, TaskFacts
from clubai.reputation.events import Change, StandingEvent

JAN = Period(2026, 1)
ALICE, BOB, CAROL, DAVE = map(MemberId, ("alice", "bob", "carol", "dave"))
NODES = {
    NodeId(name.encode().ljust(32, b".")): MemberId(name)
    for name in ("alice", "bob", "carol", "dave")
}
NODE_OF = {member: node for node, member in NODES.items()}
KEY = Identity(b"k" * 32)
SECRET = b"s" * 32


def task(
    number: int,
    owner: MemberId,
    asker: MemberId,
    *,
    model: str = "x-8B",
    tokens: tuple[int, int] = (1000, 500),
    at: float = JAN.start_ms // 1000 + 5,
    state: str = "done",
) -> TaskFacts:
    return TaskFacts(
        id=bytes([number]) * 16,
        member=asker,
        model=model,
        kind="chat",
        mode="single",
        state=state,  # type: ignore[arg-type]
        code="",
        node=NODE_OF[owner],
        attempts=1,
        created_at=at - 1,
        ended_at=at,
        queued_ms=0,
        first_token_ms=0,
        total_ms=0,
        prompt_tokens=tokens[0],
        completion_tokens=tokens[1],
        request_bytes=0,
        answer_bytes=0,
    )


def event(
    seq: int,
    owner: MemberId,
    change: Change,
    *,
    number: int | None = None,
    points: int = 0,
    held: int = 0,
    at: float = JAN.start_ms // 1000 + 5,
    count: int = 1,
) -> StandingEvent:
    return StandingEvent(
        seq=seq,
        at=at,
        node=NODE_OF[owner],
        member=owner,
        change=change,
        points=points,
        held=held,
        count=count,
        cause="" if number is None else f"task:{(bytes([number]) * 16).hex()}",
    )


def month_of_vector_6(cap_bp: int = 10_000) -> tuple[Closing, dict[NodeId, Standing]]:
    """January 2026 as E5 has it; dave's node did nothing that counts."""
    work = [
        (1, ALICE, "x-8B", (4_000_000, 1_000_000)),
        (2, BOB, "x-30B", (1_000_000, 250_000)),
        (3, CAROL, "x-3B", (2_000_000, 900_000)),
        (4, DAVE, "x-3B", (0, 0)),
    ]
    asker = MemberId("club")
    items = settle(
        [task(n, owner, asker, model=m, tokens=t) for n, owner, m, t in work],
        owners=NODES,
        events=[
            event(n, owner, Change.COMPLETED, number=n, points=10)
            for n, owner, _, _ in work
        ],
        settled=(),
        period=JAN,
        card=CARD_1,
    )
    points = {
        NODE_OF[ALICE]: Standing(points=1500),
        NODE_OF[BOB]: Standing(points=400),
        NODE_OF[CAROL]: Standing(points=60),
    }
    inputs = Inputs(
        period=JAN,
        currency="EUR",
        income=Income(fees=6000, processor=378),
        weights=weigh(items, points),
        items=items,
        cap_bp=cap_bp,
    )
    return close(inputs), points


def statement_of(
    closing: Closing, points: dict[NodeId, Standing], previous: bytes | None = None
) -> Statement:
    return make_statement(
        closing,
        secret=SECRET,
        sign=KEY.sign,
        card=CARD_1,
        points=points,
        ledger_head=bytes(32),
        previous=previous,
    )


def own_file(statement: Statement, items: tuple[Item, ...], member: MemberId) -> bytes:
    own = own_part(statement.leaves, items, member=member, secret=SECRET, period=JAN)
    return statement.file_for(own, KEY.sign(OWN_LABEL + own))
