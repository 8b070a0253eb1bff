from __future__ import annotations

import pytest

from clubai.coordinator import api_keys as api_keys_module
from clubai.coordinator.api_keys import API_KEYS_PER_MEMBER, ApiKeys, BadKey
from clubai.coordinator.audit import AuditLog
from clubai.coordinator.grants import Grants, KeyWish, Member
from clubai.errors import AuthenticationError, ConfigError, PermissionDenied
from clubai.model import MemberId
from clubai.storage import MemoryStore
from support.clock import Clock
from support.rows import member_row

ALICE = MemberId("m_alice")
PERSON = Grants()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def keys(store: MemoryStore, clock: Clock) -> ApiKeys:
    audit = AuditLog(store, clock=clock)
    return ApiKeys(store, pepper=b"p" * 32, clock=clock, audit=audit)


async def test_a_key_has_what_was_wished_for(keys: ApiKeys, clock: Clock) -> None:
    wish = KeyWish(
        scopes=("read", "chat"),
        models=("m", "m", "n"),
        monthly_tokens=500,
        expires_at=clock.now + 60,
    )

    key = await keys.create(ALICE, "app", wish=wish, maker=PERSON)

    row = await keys.check(key.text)
    assert (row.scopes, row.models) == (("chat", "read"), ("m", "n"))
    assert (row.monthly_tokens, row.expires_at) == (500, clock.now + 60)
    assert not row.login
    [shown] = await keys.all_of(ALICE)
    assert (shown.scopes, shown.models) == (("chat", "read"), ("m", "n"))
    assert (shown.monthly_tokens, shown.expires_at) == (500, clock.now + 60)


async def test_a_key_expires(keys: ApiKeys, clock: Clock) -> None:
    wish = KeyWish(expires_at=clock.now + 60)
    key = await keys.create(ALICE, "", wish=wish, maker=PERSON)
    clock.forward(59)
    await keys.check(key.text)
    clock.forward(1)

    with pytest.raises(AuthenticationError, match="has expired") as refused:
        await keys.check(key.text)
    assert not isinstance(refused.value, BadKey)


async def test_an_expired_key_makes_room(keys: ApiKeys, clock: Clock) -> None:
    wish = KeyWish(expires_at=clock.now + 60)
    for _ in range(API_KEYS_PER_MEMBER):
        await keys.create(ALICE, "", wish=wish, maker=PERSON)
    with pytest.raises(PermissionDenied, match="revoke one first"):
        await keys.create(ALICE, "", wish=KeyWish(), maker=PERSON)
    clock.forward(60)

    await keys.create(ALICE, "", wish=KeyWish(), maker=PERSON)


async def test_a_key_that_is_none_names_its_id_when_it_has_one(
    keys: ApiKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await keys.create(ALICE, "", wish=KeyWish(), maker=PERSON)
    with pytest.raises(BadKey) as mistyped:
        await keys.check(key.text[:-1])
    monkeypatch.setattr(
        api_keys_module, "parse_api_key", lambda text: (key.id, "A" * 43)
    )

    with pytest.raises(BadKey) as guessed:
        await keys.check("cak_guess")

    assert (mistyped.value.key_id, guessed.value.key_id) == ("", key.id)


async def test_making_and_revoking_is_written_down_once(
    keys: ApiKeys, store: MemoryStore
) -> None:
    key = await keys.create(ALICE, "", wish=KeyWish(scopes=("chat",)), maker=PERSON)
    login = await keys.create(ALICE, "", wish=KeyWish(login=True), maker=PERSON)
    await keys.revoke(ALICE, key.id)
    await keys.revoke(ALICE, key.id)
    with pytest.raises(PermissionDenied):
        await keys.revoke(MemberId("m_bob"), login.id)

    lines = [
        (line.action, line.actor, line.object, line.detail)
        for line in reversed(await store.audit(limit=9))
    ]
    assert lines == [
        ("key.made", ALICE, key.id, "chat"),
        ("key.made", ALICE, login.id, "for a login"),
        ("key.revoked", ALICE, key.id, ""),
    ]
    assert key.secret not in str(lines)


async def test_a_wish_that_is_refused_makes_no_key(keys: ApiKeys) -> None:
    with pytest.raises(PermissionDenied):
        await keys.create(
            ALICE, "", wish=KeyWish(), maker=Grants(key_id="k", login=False)
        )

    assert await keys.all_of(ALICE) == []


async def test_an_operator_ends_anothers_key_and_the_log_says_whose(
    keys: ApiKeys, store: MemoryStore
) -> None:
    root = MemberId("m_root")
    key = await keys.create(ALICE, "", wish=KeyWish(), maker=PERSON)

    assert await keys.revoke(root, key.id, any_member=True) == ALICE
    with pytest.raises(PermissionDenied, match="nobody has"):
        await keys.revoke(root, "none", any_member=True)

    with pytest.raises(AuthenticationError, match="revoked"):
        await keys.check(key.text)
    [line] = await store.audit(limit=1)
    assert (line.action, line.actor) == ("key.revoked", root)
    assert (line.object, line.detail) == (key.id, f"of {ALICE}")


async def test_ones_own_keys_are_listed_and_an_operator_lists_all(
    keys: ApiKeys, store: MemoryStore
) -> None:
    await store.add_member(member_row("alice", id=ALICE))
    alice = Member(ALICE, "alice", "member")
    bob = Member(MemberId("m_bob"), "bob", "auditor")
    root = Member(MemberId("m_root"), "root", "operator")
    await keys.may_list(alice, ALICE)
    await keys.may_list(root, ALICE)

    for asker in (bob, Member(ALICE, "alice", "member", Grants(login=False))):
        with pytest.raises(PermissionDenied):
            await keys.may_list(asker, ALICE)
    with pytest.raises(ConfigError, match="no such member"):
        await keys.may_list(root, MemberId("m_none"))
