from __future__ import annotations

import pytest

from clubai.coordinator.audit import AuditLog
from clubai.coordinator.grants import Grants, Member
from clubai.coordinator.members import Members
from clubai.errors import ConfigError, PermissionDenied
from clubai.model import MemberId
from clubai.storage import MemoryStore
from clubai.storage.base import Role
from support.clock import Clock
from support.rows import member_row

ALICE, BOB = member_row("alice", role="operator"), member_row("bob", created_at=2000.0)
CHANGED: list[MemberId] = []


@pytest.fixture
async def members(anyio_backend: str) -> Members:
    CHANGED.clear()
    store = MemoryStore()
    for row in (ALICE, BOB):
        await store.add_member(row)
    audit = AuditLog(store, clock=Clock())
    return Members(store, audit=audit, changed=CHANGED.append)


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
