from __future__ import annotations

import pytest

from clubai.coordinator.audit import AuditLog
from clubai.coordinator.grants import Grants, Member
from clubai.coordinator.members import Members, UsageDay
from clubai.errors import ConfigError, PermissionDenied
from clubai.model import MemberId
from clubai.reputation.days import DAY_S
from clubai.storage import MemoryStore
from clubai.storage.base import Role
from support.clock import Clock
from support.rows import member_row, task_row

ALICE, BOB = member_row("alice", role="operator"), member_row("bob", created_at=2000.0)
CHANGED: list[MemberId] = []
NOON = 20_000 * DAY_S + 43_200.0
"""Of 2024-10-04."""


@pytest.fixture
async def members(anyio_backend: str) -> Members:
    CHANGED.clear()
    store = MemoryStore()
    for row in (ALICE, BOB):
        await store.add_member(row)
    await store.append_tasks(
        [
            task_row(
                number,
                member=BOB.id,
                created_at=at - 5,
                ended_at=at,
                state=state,
                prompt_tokens=10**number,
                completion_tokens=10**number,
            )
            for number, (at, state) in enumerate(
                [
                    (NOON - 60, "done"),
                    (NOON - 0.5 * DAY_S, "failed"),
                    (NOON - 1.5 * DAY_S, "done"),
                    (NOON - 29.5 * DAY_S, "done"),
                    (NOON - 29.6 * DAY_S, "done"),
                ]
            )
        ]
    )
    audit = AuditLog(store, clock=Clock())
    return Members(store, audit=audit, changed=CHANGED.append, clock=lambda: NOON)


def asker(role: Role, *, login: bool = True) -> Member:
    return Member(ALICE.id, "alice", role, Grants(login=login))


@pytest.mark.parametrize("role", ["operator", "moderator", "auditor"])
async def test_those_who_look_after_members_see_them(
    members: Members, role: Role
) -> None:
    shown = await members.all(asker(role))

    assert [(each.name, each.role) for each in shown] == [
        ("alice", "operator"),
        ("bob", "member"),
    ]
    assert "password" not in shown[0].__struct_fields__


@pytest.mark.parametrize("role", ["member", "treasurer"])
async def test_others_do_not(members: Members, role: Role) -> None:
    with pytest.raises(PermissionDenied):
        await members.all(asker(role))
    with pytest.raises(PermissionDenied):
        await members.all(asker("operator", login=False))


@pytest.mark.parametrize("role", ["member", "treasurer", "moderator", "auditor"])
async def test_only_an_operator_gives_roles(members: Members, role: Role) -> None:
    with pytest.raises(PermissionDenied, match="role operator"):
        await members.set_role(asker(role), BOB.id, "operator")
    with pytest.raises(PermissionDenied):
        await members.set_role(asker("operator", login=False), BOB.id, "operator")

    assert CHANGED == []


async def test_a_role_is_given_told_and_written_down(members: Members) -> None:
    await members.set_role(asker("operator"), BOB.id, "auditor")

    assert [BOB.id] == CHANGED
    assert (await members.all(asker("operator")))[1].role == "auditor"
    [line] = await members.read_audit(asker("auditor"), limit=9)
    assert (line.action, line.actor) == ("role.changed", ALICE.id)
    assert (line.object, line.detail) == (BOB.id, "auditor")


async def test_members_are_shown_with_what_they_used(members: Members) -> None:
    alice, bob = await members.all(asker("operator"))

    assert (alice.tasks_today, alice.tokens_today, alice.tokens_30d) == (0, 0, 0)
    assert alice.last_asked_at == 0
    assert (bob.tasks_today, bob.tokens_today, bob.tokens_30d) == (2, 22, 2222)
    assert bob.last_asked_at == NOON - 65


async def test_use_by_day_has_no_gaps_and_ends_today(members: Members) -> None:
    bob = Member(BOB.id, "bob", "member", Grants(scopes=("read",), login=False))
    mine = await members.usage(bob, BOB.id, days=3)

    assert mine == [
        UsageDay(
            day="2024-10-02", tasks=0, failed=0, prompt_tokens=0, completion_tokens=0
        ),
        UsageDay(
            day="2024-10-03",
            tasks=1,
            failed=0,
            prompt_tokens=100,
            completion_tokens=100,
        ),
        UsageDay(
            day="2024-10-04", tasks=2, failed=1, prompt_tokens=11, completion_tokens=11
        ),
    ]
    assert await members.usage(asker("operator"), BOB.id, days=3) == mine
    assert await members.usage(bob, BOB.id, days=1) == mine[-1:]
    assert len(await members.usage(bob, BOB.id, days=90)) == 90


@pytest.mark.parametrize("role", ["member", "moderator", "auditor", "treasurer"])
async def test_anothers_use_by_day_is_for_operators(
    members: Members, role: Role
) -> None:
    for member in (BOB.id, MemberId("m_none")):
        with pytest.raises(PermissionDenied, match="role operator"):
            await members.usage(asker(role), member, days=3)
    asking = Member(BOB.id, "bob", "member", Grants(scopes=("chat",), login=False))
    with pytest.raises(PermissionDenied, match="scope read"):
        await members.usage(asking, BOB.id, days=3)


@pytest.mark.parametrize("days", [0, 91])
async def test_so_many_days_are_not_shown(members: Members, days: int) -> None:
    with pytest.raises(ConfigError, match="from 1 to 90"):
        await members.usage(asker("operator"), BOB.id, days=days)
    with pytest.raises(ConfigError, match="no such member"):
        await members.usage(asker("operator"), MemberId("m_none"), days=3)


async def test_the_log_is_read_for_one_object(members: Members) -> None:
    await members.set_role(asker("operator"), BOB.id, "auditor")
    await members.set_role(asker("operator"), ALICE.id, "operator")

    lines = await members.read_audit(asker("auditor"), limit=9, object=BOB.id)

    assert [line.object for line in lines] == [BOB.id]


async def test_the_last_operator_stays(members: Members) -> None:
    with pytest.raises(PermissionDenied, match="last operator"):
        await members.set_role(asker("operator"), ALICE.id, "member")

    assert await members.read_audit(asker("operator"), limit=9) == []


async def test_nobody_unknown_gets_a_role(members: Members) -> None:
    with pytest.raises(ConfigError, match="no such member"):
        await members.set_role(asker("operator"), MemberId("m_none"), "auditor")


@pytest.mark.parametrize("role", ["member", "treasurer", "moderator"])
async def test_the_audit_log_is_for_auditors(members: Members, role: Role) -> None:
    with pytest.raises(PermissionDenied):
        await members.read_audit(asker(role), limit=9)
