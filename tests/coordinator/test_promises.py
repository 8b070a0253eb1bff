from __future__ import annotations

from dataclasses import dataclass, field

import anyio
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.coordinator.audit import AuditLog
from clubai.coordinator.enrolment import Enrolments
from clubai.coordinator.grants import Member
from clubai.coordinator.promises import Promises, announced
from clubai.coordinator.roster import Roster
from clubai.core.events import Event, NodePaused
from clubai.errors import PermissionDenied, StorageError
from clubai.model import MemberId, NodeId, node_nickname
from clubai.reputation.events import Change, StandingEvent
from clubai.reputation.facts import Fact, PauseAnnounced, Promised
from clubai.reputation.promise import parse_schedule
from clubai.storage import MemoryStore
from clubai.storage.enrolment import EnrolledRow, EnrolmentRow
from support.rows import member_row, node_row

ALICE = Member(id=MemberId("m_alice"), name="alice", role="member")
BOB = Member(id=MemberId("m_bob"), name="bob", role="member")
NODE = NodeId(b"n" * 32)
NICKNAME = node_nickname(NODE)
NOW = 1_800_000_900.0
HOURS = "daily 18:00-23:00"


class Kept(msgspec.Struct):
    kept_hours: int = 7
    broken_hours: int = 2


@dataclass
class Told:
    """A standing that keeps events as a judge would, and may be out of order."""

    events: list[StandingEvent] = field(default_factory=list)
    broken: bool = False
    gate: anyio.Event | None = None

    async def tell(self, fact: Fact) -> None:
        if self.broken:
            raise StorageError("club.db", "the disk is full")
        if self.gate is not None:
            await self.gate.wait()
        match fact:
            case Promised():
                change, why = Change.PROMISED, fact.schedule
            case PauseAnnounced():
                change = Change.PAUSED if fact.paused else Change.RESUMED
                why = fact.why
            case _:
                pytest.fail(f"told {fact}")
        self.events.append(event(change, why, seq=len(self.events)))

    @property
    def changes(self) -> list[tuple[str, str]]:
        return [(event.change.value, event.why) for event in self.events]


def event(change: Change, why: str = "", *, seq: int = 0) -> StandingEvent:
    return StandingEvent(
        seq=seq, at=NOW, node=NODE, member=ALICE.id, change=change, why=why
    )


@dataclass
class Parts:
    promises: Promises
    told: Told
    posted: list[Event]


async def store_with_node() -> MemoryStore:
    store = MemoryStore()
    row = member_row("alice", id=ALICE.id)
    await store.add_member(row)
    token = EnrolmentRow(
        id="e", member=ALICE.id, token_hash=b"t", confirm=False, created_at=NOW,
        expires_at=NOW + 60,
    )  # fmt: skip
    await store.add_enrolment(token, limit=1)
    enrolled = EnrolledRow(
        id=NODE, key=b"k" * 32, name="attic", owner=ALICE.id, state="enrolled",
        enrolled_at=NOW, changed_at=NOW,
    )  # fmt: skip
    assert await store.enrol_node(b"t", enrolled, limit=None) == "done"
    return store


async def parts(*, before: list[StandingEvent] | None = None) -> Parts:
    store = await store_with_node()
    node = node_row("attic", id=NODE, owner=ALICE.id)
    told = Told()
    posted: list[Event] = []

    def post(event: Event) -> bool:
        posted.append(event)
        return True

    def clock() -> float:
        return NOW

    promises = Promises(
        Enrolments(store, clock=clock, max_nodes_member=5),
        roster=Roster([node]),
        standing=told,
        record=lambda node: Kept() if node == NODE else None,
        post=post,
        audit=AuditLog(store, clock=clock),
        clock=clock,
    )
    if before is not None:
        promises.restore(before)
    return Parts(promises, told, posted)


async def test_a_promise_is_told_once_and_shown_with_what_was_kept() -> None:
    made = await parts()

    shown = await made.promises.publish(ALICE, NICKNAME, HOURS, "Europe/Berlin")
    again = await made.promises.publish(ALICE, NICKNAME, HOURS, "Europe/Berlin")

    assert shown == again == await made.promises.show(ALICE, NICKNAME)
    assert (shown.kept_hours, shown.broken_hours) == (7, 2)
    assert shown.counts_from == NOW // 3600 * 3600 + 3600
    assert made.told.changes == [("promised", f"{HOURS} Europe/Berlin")]


async def test_a_node_is_named_by_its_name_too() -> None:
    made = await parts()

    shown = await made.promises.publish(ALICE, "Attic", HOURS)

    assert shown == await made.promises.show(ALICE, NICKNAME)
    with pytest.raises(PermissionDenied):
        await made.promises.show(BOB, "attic")


async def test_what_is_not_stored_does_not_count() -> None:
    made = await parts()
    made.told.broken = True

    for call in (
        made.promises.publish(ALICE, NICKNAME, HOURS),
        made.promises.hold(ALICE, NICKNAME, "paused"),
    ):
        with pytest.raises(StorageError):
            await call

    shown = await made.promises.show(ALICE, NICKNAME)
    assert (shown.schedule, shown.state) == ("", "")
    assert made.posted == []


async def test_what_is_stored_counts_though_nobody_waits_for_it() -> None:
    made = await parts()
    made.told.gate = anyio.Event()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(made.promises.hold, ALICE, NICKNAME, "paused")
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
        made.told.gate.set()

    assert made.posted == [NodePaused(node=NODE, paused=True)]


async def test_after_a_restart_all_is_as_it_was_announced() -> None:
    made = await parts()
    await made.promises.publish(ALICE, NICKNAME, HOURS, "Asia/Tokyo")
    await made.promises.hold(ALICE, NICKNAME, "paused", "a film: long")
    await made.promises.hold(ALICE, NICKNAME, "draining", "a film: long")

    later = await parts(before=made.told.events)

    shown = await later.promises.show(ALICE, NICKNAME)
    assert shown == await made.promises.show(ALICE, NICKNAME)
    assert (shown.state, shown.why) == ("draining", "a film: long")
    [held] = later.posted
    assert held == made.posted[-1]
    await later.promises.resume(ALICE, NICKNAME)
    await later.promises.withdraw(ALICE, NICKNAME)
    end = [*made.told.events, *later.told.events]
    assert not announced(end).schedules
    assert not announced(end).held


async def test_a_removed_node_promises_nothing_more() -> None:
    made = await parts()
    await made.promises.publish(ALICE, NICKNAME, HOURS)

    await made.promises.forget(ALICE, NODE)
    await made.promises.forget(ALICE, NODE)

    assert made.told.changes[1:] == [("promised", "")]


async def test_another_members_node_is_as_one_that_is_not_there() -> None:
    made = await parts()

    with pytest.raises(PermissionDenied, match="you have no node with this id"):
        await made.promises.resume(BOB, NICKNAME)


def test_a_promise_that_cannot_be_read_any_more_is_void(
    caplog: pytest.LogCaptureFixture,
) -> None:
    text = "daily 01:00-02:00 Mars/Olympus"
    events = [event(Change.PROMISED, f"{HOURS} UTC"), event(Change.PROMISED, text)]

    assert not announced(events).schedules
    assert "Mars/Olympus" in caplog.text


def test_a_node_of_another_member_begins_anew() -> None:
    events = [
        event(Change.PROMISED, HOURS),
        event(Change.PAUSED, "paused"),
        event(Change.JOINED),
    ]

    assert not announced(events).schedules
    assert not announced(events).held


@given(st.lists(st.sampled_from(["", HOURS, "paused", "draining: x", "resumed"])))
def test_the_last_word_counts(words: list[str]) -> None:
    events = []
    schedule, hold = "", ""
    for word in words:
        if word in ("", HOURS):
            schedule = word
            events.append(event(Change.PROMISED, word))
        else:
            hold = "" if word == "resumed" else word
            change = Change.PAUSED if hold else Change.RESUMED
            events.append(event(change, word))

    found = announced(events)

    promised = {NODE: (parse_schedule(schedule), NOW)} if schedule else {}
    assert found.schedules == promised
    holds = {"paused": ("paused", ""), "draining: x": ("draining", "x")}
    assert found.held == ({NODE: holds[hold]} if hold else {})
