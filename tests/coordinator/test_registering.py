from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from clubai.coordinator.accounts import Accounts, Member
from clubai.coordinator.config import Registration
from clubai.coordinator.grants import member_of
from clubai.coordinator.invites import NewInvite
from clubai.errors import ConfigError, PermissionDenied
from clubai.model import MemberId
from clubai.storage import MemoryStore, Store, open_store
from support.clock import Clock
from support.rows import member_row

PASSWORD = "correct horse"


def made(store: Store, rule: Registration) -> Accounts:
    return Accounts(
        store,
        jwt_secrets=(b"s" * 32,),
        pepper=b"p" * 32,
        clock=Clock(),
        registration=rule,
    )


async def sponsored(accounts: Accounts) -> tuple[Member, NewInvite]:
    row = await accounts.register("alice", PASSWORD)
    sponsor = member_of(row, (await login(accounts)).grants)
    return sponsor, await accounts.invites.create(sponsor)


async def login(accounts: Accounts) -> Member:
    return (await accounts.login("alice", PASSWORD)).member


async def test_by_invite_nobody_comes_without_one() -> None:
    accounts = made(MemoryStore(), "invite")
    _, invite = await sponsored(accounts)

    with pytest.raises(PermissionDenied, match="takes an invite"):
        await accounts.register("bob", PASSWORD)
    row = await accounts.register("bob", PASSWORD, invite=invite.token.text)

    assert row.role == "member"
    with pytest.raises(PermissionDenied, match="used"):
        await accounts.register("carol", PASSWORD, invite=invite.token.text)


@pytest.mark.parametrize("name", ["club", "Club"])
async def test_nobody_has_the_name_of_the_club_itself(name: str) -> None:
    with pytest.raises(ConfigError, match="another member has it"):
        await made(MemoryStore(), "open").register(name, PASSWORD)


async def test_an_invite_names_who_came_by_it(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path}/c.db") as store:
        accounts = made(store, "invite")
        sponsor, invite = await sponsored(accounts)
        row = await accounts.register("bob", PASSWORD, invite=invite.token.text)

        [shown] = await accounts.invites.all(sponsor)
        assert (shown.state, shown.used_by) == ("used", row.id)
        audit = await store.audit(limit=9)
        lines = {line.action: line for line in reversed(audit)}
        assert lines["invite.used"].actor == row.id
        assert lines["invite.used"].object == invite.token.id
        assert lines["member.registered"].detail == "member"


async def test_a_registration_that_fails_burns_no_invite() -> None:
    accounts = made(MemoryStore(), "invite")
    _, invite = await sponsored(accounts)
    token = invite.token.text
    for name, password in (
        ("no body", PASSWORD),
        ("bob", "short"),
        ("bob", "password123"),
        ("ALICE", PASSWORD),
    ):
        with pytest.raises(ConfigError):
            await accounts.register(name, password, invite=token)

    await accounts.register("bob", PASSWORD, invite=token)


async def test_a_name_that_is_taken_meanwhile_burns_no_invite() -> None:
    class Racing(MemoryStore):
        async def member_named(self, name: str) -> None:
            return None

    store = Racing()
    accounts = made(store, "invite")
    await store.add_member(member_row("alice", role="operator"))
    sponsor = Member(MemberId("m_x"), "x", "member")
    token = (await accounts.invites.create(sponsor)).token.text

    with pytest.raises(ConfigError, match="another member has it"):
        await accounts.register("Alice", PASSWORD, invite=token)

    await accounts.invites.check(token)


async def test_of_two_with_one_invite_one_comes_in() -> None:
    store = MemoryStore()
    accounts = made(store, "invite")
    _, invite = await sponsored(accounts)
    refused = 0

    async def come(name: str) -> None:
        nonlocal refused
        try:
            await accounts.register(name, PASSWORD, invite=invite.token.text)
        except PermissionDenied:
            refused += 1

    async with anyio.create_task_group() as tasks:
        for name in ("bob", "carol", "dave"):
            tasks.start_soon(come, name)

    assert refused == 2
    assert await store.count_members() == 2


async def test_an_invite_is_used_where_none_is_needed() -> None:
    accounts = made(MemoryStore(), "open")
    sponsor, invite = await sponsored(accounts)

    await accounts.register("bob", PASSWORD, invite=invite.token.text)

    assert [each.state for each in await accounts.invites.all(sponsor)] == ["used"]
    with pytest.raises(PermissionDenied):
        await accounts.register("carol", PASSWORD, invite="civ_nonsense")


async def test_a_closed_club_takes_no_invites() -> None:
    store = MemoryStore()
    _, invite = await sponsored(made(store, "open"))

    with pytest.raises(PermissionDenied, match="closed"):
        await made(store, "closed").register("bob", PASSWORD, invite=invite.token.text)
