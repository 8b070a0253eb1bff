from __future__ import annotations

import stat
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import msgspec
import pytest

from clubai.coordinator import api_keys as api_keys_module
from clubai.coordinator import passwords as passwords_module
from clubai.coordinator.accounts import Accounts
from clubai.coordinator.api_keys import API_KEYS_PER_MEMBER
from clubai.coordinator.config import CoordinatorConfig
from clubai.coordinator.grants import Grants, KeyWish, Member
from clubai.crypto.passwords import hash_password
from clubai.errors import (
    AuthenticationError,
    ConfigError,
    PermissionDenied,
    RateLimited,
)
from clubai.model import MemberId
from clubai.storage import ApiKeyRow, MemberRow, MemoryStore, Store, open_store
from support.clock import Clock
from support.rows import member_row

SECRET, PEPPER = b"s" * 32, b"p" * 32
PASSWORD = "correct horse"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "sqlite"])
async def store(
    request: pytest.FixtureRequest, anyio_backend: str, tmp_path: Path
) -> AsyncIterator[Store]:
    urls = {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path}/clubai.db"}
    async with open_store(urls[request.param]) as store:
        yield store


@pytest.fixture
def accounts(store: Store, clock: Clock) -> Accounts:
    return Accounts(store, jwt_secrets=(SECRET,), pepper=PEPPER, clock=clock)


class CountingStore(MemoryStore):
    """Counts the look-ups, and holds those of API keys up when asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.look_ups = 0
        self.found_key = anyio.Event()
        self.go_on = anyio.Event()
        self.go_on.set()

    async def api_key(self, key_id: str) -> ApiKeyRow | None:
        self.look_ups += 1
        row = await super().api_key(key_id)
        self.found_key.set()
        await self.go_on.wait()
        return row

    async def member(self, member: MemberId) -> MemberRow | None:
        self.look_ups += 1
        return await super().member(member)


async def refusal(accounts: Accounts, bearer: str) -> str:
    with pytest.raises(AuthenticationError) as refused:
        await accounts.authenticate(bearer)
    return refused.value.reason


async def test_first_account_is_an_operator_and_the_next_a_member(
    accounts: Accounts, store: Store, clock: Clock
) -> None:
    first = await accounts.register("alice", PASSWORD)
    second = await accounts.register("Bob.O-1+x@example", PASSWORD)

    assert (first.role, second.role) == ("operator", "member")
    assert first.created_at == clock.now
    assert await store.member(first.id) == first
    assert first.id.startswith("m_")
    assert len(first.id) == 18
    assert PASSWORD not in first.password


async def test_of_two_first_accounts_at_once_one_is_an_operator(
    accounts: Accounts,
) -> None:
    rows: list[MemberRow] = []

    async def register(name: str) -> None:
        rows.append(await accounts.register(name, PASSWORD))

    async with anyio.create_task_group() as group:
        for name in ("alice", "bob", "carol"):
            group.start_soon(register, name)

    assert sorted(row.role for row in rows) == ["member", "member", "operator"]


@pytest.mark.parametrize(
    "name", ["", "a", "a" * 65, "a b", "élise", "a\n", "a/b", "<b>"]
)
async def test_name_that_cannot_be_used(accounts: Accounts, name: str) -> None:
    with pytest.raises(ConfigError) as refused:
        await accounts.register(name, PASSWORD)

    assert (refused.value.field, refused.value.value) == ("name", name)


@pytest.mark.parametrize("password", ["", "short-one", "x" * 257])
async def test_password_that_cannot_be_used_is_not_shown(
    accounts: Accounts, password: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        await accounts.register("alice", password)

    assert refused.value.field == "password"
    assert refused.value.value == f"({len(password)} characters)"
    assert "10 to 256" in refused.value.fix


@pytest.mark.parametrize("password", ["x" * 10, "x" * 256])
async def test_password_of_the_outermost_lengths_works(
    accounts: Accounts, password: str
) -> None:
    await accounts.register("alice", password)

    await accounts.login("alice", password)


async def test_name_is_taken_in_any_case(accounts: Accounts, store: Store) -> None:
    await accounts.register("alice", PASSWORD)

    with pytest.raises(ConfigError) as refused:
        await accounts.register("ALICE", PASSWORD)

    assert (refused.value.field, refused.value.value) == ("name", "ALICE")
    assert await store.count_members() == 1


async def test_of_two_with_one_name_at_once_one_is_refused(
    accounts: Accounts, store: Store
) -> None:
    refused = 0

    async def register() -> None:
        nonlocal refused
        try:
            await accounts.register("alice", PASSWORD)
        except ConfigError:
            refused += 1

    async with anyio.create_task_group() as group:
        group.start_soon(register)
        group.start_soon(register)

    assert refused == 1
    assert await store.count_members() == 1


async def test_closed_registration_lets_only_the_first_in(
    store: Store, clock: Clock
) -> None:
    accounts = Accounts(
        store, jwt_secrets=(SECRET,), pepper=PEPPER, clock=clock, registration="closed"
    )
    assert (await accounts.register("alice", PASSWORD)).role == "operator"

    with pytest.raises(PermissionDenied, match="closed"):
        await accounts.register("bob", PASSWORD)


async def test_full_club_lets_nobody_in(store: Store, clock: Clock) -> None:
    accounts = Accounts(
        store, jwt_secrets=(SECRET,), pepper=PEPPER, clock=clock, member_limit=2
    )
    await accounts.register("alice", PASSWORD)
    refused = 0

    async def register(name: str) -> None:
        nonlocal refused
        try:
            await accounts.register(name, PASSWORD)
        except PermissionDenied:
            refused += 1

    async with anyio.create_task_group() as group:
        for name in ("bob", "carol", "dave"):
            group.start_soon(register, name)

    assert refused == 2
    assert await store.count_members() == 2


async def test_log_in_gives_a_token_that_authenticates(
    accounts: Accounts, clock: Clock
) -> None:
    row = await accounts.register("Alice", PASSWORD)

    token = await accounts.login("aLICE", PASSWORD)

    assert token.expires_at == clock.now + 600
    member = await accounts.authenticate(token.access)
    assert member == token.member
    assert (member.id, member.name, member.role) == (row.id, "Alice", "operator")


async def test_wrong_and_unknown_are_answered_the_same(accounts: Accounts) -> None:
    await accounts.register("alice", PASSWORD)
    reasons = set()
    for name, password in [
        ("alice", "wrong horse"),
        ("alice", ""),
        ("alice", PASSWORD + "x" * 300),
        ("nobody", PASSWORD),
        ("no body", PASSWORD),
        ("", ""),
    ]:
        with pytest.raises(AuthenticationError) as refused:
            await accounts.login(name, password)
        reasons.add(refused.value.reason)

    assert reasons == {"the name or the password is wrong"}


async def test_unknown_name_costs_as_much_as_a_wrong_password(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    await accounts.register("alice", PASSWORD)
    costs: list[str] = []

    def verify(phc: str, password: str) -> bool:
        costs.append(phc[: phc.rindex("=")])
        return False

    monkeypatch.setattr(passwords_module, "verify_password", verify)
    for name in ("alice", "nobody"):
        with pytest.raises(AuthenticationError):
            await accounts.login(name, "wrong horse")

    assert costs == ["$argon2id$v=19$m=8,t=1,p"] * 2


async def test_tries_for_one_account_run_out_and_come_back(
    accounts: Accounts, clock: Clock
) -> None:
    await accounts.register("alice", PASSWORD)
    for _ in range(5):
        with pytest.raises(AuthenticationError):
            await accounts.login("alice", "wrong horse")

    with pytest.raises(RateLimited) as refused:
        await accounts.login("ALICE", PASSWORD)
    assert refused.value.retry_after == pytest.approx(12)

    clock.forward(12.1)
    await accounts.login("alice", PASSWORD)


async def test_unknown_names_run_out_of_tries_too(accounts: Accounts) -> None:
    for _ in range(5):
        with pytest.raises(AuthenticationError):
            await accounts.login("nobody", PASSWORD)

    with pytest.raises(RateLimited):
        await accounts.login("nobody", PASSWORD)


async def test_good_log_ins_do_not_lock_an_account(accounts: Accounts) -> None:
    await accounts.register("alice", PASSWORD)
    for _ in range(7):
        await accounts.login("alice", PASSWORD)


async def test_tries_from_one_address_run_out(accounts: Accounts) -> None:
    await accounts.register("alice", PASSWORD, address="192.0.2.9")
    for number in range(20):
        with pytest.raises(AuthenticationError):
            await accounts.login(f"no one {number}", PASSWORD, address="192.0.2.1")

    with pytest.raises(RateLimited, match="address"):
        await accounts.login("alice", PASSWORD, address="192.0.2.1")
    with pytest.raises(RateLimited, match="address"):
        await accounts.register("bob", PASSWORD, address="::ffff:192.0.2.1")
    await accounts.login("alice", PASSWORD, address="192.0.2.2")


async def test_hash_of_old_parameters_is_renewed_at_log_in(
    accounts: Accounts, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as other:
        other.setattr("clubai.crypto.passwords.MEMORY_KIB", 16)
        old = hash_password(PASSWORD)
    row = member_row("alice", password=old)
    await store.add_member(row)

    await accounts.login("alice", PASSWORD)

    renewed = await store.member(row.id)
    assert renewed is not None
    assert old.startswith("$argon2id$v=19$m=16,t=1,p=1$")
    assert renewed.password.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert msgspec.structs.replace(renewed, password=old) == row
    await accounts.login("alice", PASSWORD)


async def test_token_ends_when_its_time_is_over(
    accounts: Accounts, clock: Clock
) -> None:
    await accounts.register("alice", PASSWORD)
    token = await accounts.login("alice", PASSWORD)
    clock.forward(600 - 1)
    await accounts.authenticate(token.access)

    clock.forward(1)

    assert await refusal(accounts, token.access) == (
        "the token has expired: log in again"
    )


async def test_logging_out_everywhere_ends_tokens_and_not_keys(
    accounts: Accounts,
) -> None:
    alice = await accounts.register("alice", PASSWORD)
    await accounts.register("bob", PASSWORD)
    hers = await accounts.login("alice", PASSWORD)
    his = await accounts.login("bob", PASSWORD)
    key = await accounts.create_api_key(alice.id, "laptop")
    for bearer in (hers.access, his.access, key.text):
        await accounts.authenticate(bearer)

    await accounts.log_out_everywhere(alice.id)

    assert await refusal(accounts, hers.access) == (
        "the token was revoked: log in again"
    )
    assert (await accounts.authenticate(his.access)).name == "bob"
    assert (await accounts.authenticate(key.text)).name == "alice"
    again = await accounts.login("alice", PASSWORD)
    assert (await accounts.authenticate(again.access)).name == "alice"


async def test_api_key_authenticates_and_is_not_kept(
    accounts: Accounts, store: Store, clock: Clock
) -> None:
    row = await accounts.register("alice", PASSWORD)

    key = await accounts.create_api_key(row.id, "laptop")

    grants = Grants(key_id=key.id, login=False)
    assert await accounts.authenticate(key.text) == Member(
        row.id, "alice", "member", grants
    )
    kept = await store.api_key(key.id)
    assert kept is not None
    assert key.secret.encode() not in msgspec.msgpack.encode(kept)
    (listed,) = await accounts.list_api_keys(row.id)
    assert (listed.id, listed.label) == (key.id, "laptop")
    assert (listed.created_at, listed.revoked_at) == (clock.now, None)


async def test_revoked_key_is_refused_at_once(accounts: Accounts, clock: Clock) -> None:
    row = await accounts.register("alice", PASSWORD)
    gone = await accounts.create_api_key(row.id, "old")
    kept = await accounts.create_api_key(row.id, "new")
    await accounts.authenticate(gone.text)
    await accounts.authenticate(kept.text)
    clock.forward(5)

    await accounts.revoke_api_key(row.id, gone.id)

    assert await refusal(accounts, gone.text) == (
        "the API key is revoked: make a new one"
    )
    await accounts.authenticate(kept.text)
    listed = await accounts.list_api_keys(row.id)
    assert [key.revoked_at for key in listed] == [clock.now, None]


async def test_key_of_another_member_cannot_be_revoked(accounts: Accounts) -> None:
    alice = await accounts.register("alice", PASSWORD)
    bob = await accounts.register("bob", PASSWORD)
    key = await accounts.create_api_key(alice.id, "laptop")
    reasons = set()
    for key_id in (key.id, "unknown0"):
        with pytest.raises(PermissionDenied) as refused:
            await accounts.revoke_api_key(bob.id, key_id)
        reasons.add(refused.value.reason)

    assert reasons == {"you have no key with this id"}
    assert (await accounts.authenticate(key.text)).name == "alice"


async def test_number_of_keys_is_bounded(accounts: Accounts) -> None:
    row = await accounts.register("alice", PASSWORD)
    refused = 0

    async def create() -> None:
        nonlocal refused
        try:
            await accounts.create_api_key(row.id, "")
        except PermissionDenied:
            refused += 1

    async with anyio.create_task_group() as group:
        for _ in range(API_KEYS_PER_MEMBER + 3):
            group.start_soon(create)

    keys = await accounts.list_api_keys(row.id)
    assert (len(keys), refused) == (20, 3)
    await accounts.revoke_api_key(row.id, keys[0].id)
    await accounts.create_api_key(row.id, "one more")


@pytest.mark.parametrize("label", ["x" * 65, "two\nlines", "\x1b[2J"])
async def test_label_that_cannot_be_used(accounts: Accounts, label: str) -> None:
    with pytest.raises(ConfigError) as refused:
        await accounts.create_api_key(MemberId("m_alice"), label)

    assert refused.value.field == "label"


async def test_what_is_wrong_with_a_bearer_is_said(accounts: Accounts) -> None:
    row = await accounts.register("alice", PASSWORD)
    key = await accounts.create_api_key(row.id, "laptop")
    other = Accounts(
        MemoryStore(), jwt_secrets=(b"t" * 32,), pepper=PEPPER, clock=Clock()
    )
    await other.register("alice", PASSWORD)
    foreign_key = await other.create_api_key(row.id, "laptop")
    foreign_token = await other.login("alice", PASSWORD)

    assert await refusal(accounts, "") == "send an API key, or log in for a token"
    assert "mistyped" in await refusal(accounts, key.text[:-1])
    assert "not valid" in await refusal(accounts, foreign_key.text)
    assert "not valid" in await refusal(accounts, foreign_token.access)
    for junk in ("é", "x" * 5000, "\ud800"):
        assert "neither" in await refusal(accounts, junk)


async def test_right_id_with_another_secret_is_refused(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await accounts.register("alice", PASSWORD)
    key = await accounts.create_api_key(row.id, "laptop")
    guess = (key.id, "A" * 43)
    monkeypatch.setattr(api_keys_module, "parse_api_key", lambda text: guess)

    unknown = await refusal(accounts, "cak_guess")

    guess = ("unknown0", key.secret)
    assert await refusal(accounts, "cak_guess") == unknown
    assert unknown == "the API key is not valid: make a new one"


async def test_revoked_key_with_a_wrong_secret_does_not_say_that_it_was_one(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await accounts.register("alice", PASSWORD)
    key = await accounts.create_api_key(row.id, "laptop")
    await accounts.revoke_api_key(row.id, key.id)
    monkeypatch.setattr(
        api_keys_module, "parse_api_key", lambda text: (key.id, "A" * 43)
    )

    assert "not valid" in await refusal(accounts, "cak_guess")


async def test_key_under_another_pepper_is_refused(
    store: Store, accounts: Accounts, clock: Clock
) -> None:
    row = await accounts.register("alice", PASSWORD)
    key = await accounts.create_api_key(row.id, "laptop")
    other = Accounts(store, jwt_secrets=(SECRET,), pepper=b"q" * 32, clock=clock)

    assert "not valid" in await refusal(other, key.text)


async def test_who_was_just_seen_is_not_looked_up(clock: Clock) -> None:
    store = CountingStore()
    accounts = Accounts(store, jwt_secrets=(SECRET,), pepper=PEPPER, clock=clock)
    row = await accounts.register("alice", PASSWORD)
    key = await accounts.create_api_key(row.id, "laptop")
    token = await accounts.login("alice", PASSWORD)
    for bearer in (key.text, token.access):
        await accounts.authenticate(bearer)
    before = store.look_ups

    for bearer in (key.text, token.access):
        await accounts.authenticate(bearer)
    assert store.look_ups == before

    clock.forward(30)
    for bearer in (key.text, token.access):
        await accounts.authenticate(bearer)
    assert store.look_ups == before + 3


async def test_who_was_just_seen_costs_microseconds(accounts: Accounts) -> None:
    row = await accounts.register("alice", PASSWORD)
    key = await accounts.create_api_key(row.id, "laptop")
    await accounts.authenticate(key.text)

    begun = time.thread_time()
    for _ in range(1000):
        await accounts.authenticate(key.text)

    assert time.thread_time() - begun < 0.05


async def test_revocation_beats_a_look_up_under_way(clock: Clock) -> None:
    store = CountingStore()
    accounts = Accounts(store, jwt_secrets=(SECRET,), pepper=PEPPER, clock=clock)
    row = await accounts.register("alice", PASSWORD)
    key = await accounts.create_api_key(row.id, "laptop")
    store.go_on = anyio.Event()

    async with anyio.create_task_group() as group:
        group.start_soon(accounts.authenticate, key.text)
        await store.found_key.wait()
        held, store.go_on = store.go_on, anyio.Event()
        store.go_on.set()
        await accounts.revoke_api_key(row.id, key.id)
        held.set()

    assert "revoked" in await refusal(accounts, key.text)


async def test_revocation_that_is_cancelled_late_still_counts(clock: Clock) -> None:
    class SlowStore(MemoryStore):
        async def revoke_api_key(self, key_id: str, *, at: float) -> None:
            await super().revoke_api_key(key_id, at=at)
            scope.cancel()
            await anyio.sleep_forever()

    accounts = Accounts(SlowStore(), jwt_secrets=(SECRET,), pepper=PEPPER, clock=clock)
    row = await accounts.register("alice", PASSWORD)
    key = await accounts.create_api_key(row.id, "laptop")
    await accounts.authenticate(key.text)

    with anyio.CancelScope() as scope:
        await accounts.revoke_api_key(row.id, key.id)

    assert "revoked" in await refusal(accounts, key.text)


async def test_key_of_a_member_who_is_gone_is_refused(
    accounts: Accounts,
) -> None:
    key = await accounts.create_api_key(MemberId("m_gone"), "laptop")

    assert "not valid" in await refusal(accounts, key.text)


@pytest.mark.parametrize(
    ("secrets", "field"),
    [((b"s" * 31, PEPPER), "JWT_SECRET"), ((SECRET, b"p" * 31), "pepper")],
)
def test_short_secrets_are_refused(secrets: tuple[bytes, bytes], field: str) -> None:
    jwt_secret, pepper = secrets

    with pytest.raises(ConfigError) as refused:
        Accounts(MemoryStore(), jwt_secrets=(jwt_secret,), pepper=pepper, clock=Clock())

    assert refused.value.field == field


async def test_accounts_outlive_the_coordinator(
    anyio_backend: str, tmp_path: Path, clock: Clock
) -> None:
    config = CoordinatorConfig(data=tmp_path / "data", registration="closed")
    async with open_store(config.database) as store:
        accounts = Accounts.from_config(config, store=store, clock=clock)
        row = await accounts.register("alice", PASSWORD)
        key = await accounts.create_api_key(row.id, "laptop")
        token = await accounts.login("alice", PASSWORD)

    async with open_store(config.database) as store:
        accounts = Accounts.from_config(config, store=store, clock=clock)
        for bearer in (key.text, token.access):
            assert (await accounts.authenticate(bearer)).id == row.id
        await accounts.login("alice", PASSWORD)
        with pytest.raises(PermissionDenied, match="closed"):
            await accounts.register("bob", PASSWORD)


async def test_no_file_holds_a_secret_in_clear(tmp_path: Path, clock: Clock) -> None:
    config = CoordinatorConfig(data=tmp_path / "data")
    async with open_store(config.database) as store:
        accounts = Accounts.from_config(config, store=store, clock=clock)
        row = await accounts.register("alice", PASSWORD)
        key = await accounts.create_api_key(row.id, "laptop")
        token = await accounts.login("alice", PASSWORD)
        await accounts.authenticate(token.access)
        written = b"".join(path.read_bytes() for path in config.data.iterdir())

    assert b"alice" in written
    for secret in (PASSWORD, key.secret, token.access):
        assert secret.encode() not in written


def open_accounts(store: Store, config: CoordinatorConfig) -> Accounts:
    return Accounts.from_config(config, store=store, clock=Clock())


async def test_the_one_key_file_is_made_for_its_owner_only(tmp_path: Path) -> None:
    config = CoordinatorConfig(data=tmp_path / "data")

    open_accounts(MemoryStore(), config)

    assert [path.name for path in config.data.iterdir()] == ["coordinator.key"]
    assert stat.S_IMODE(config.key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(config.data.stat().st_mode) == 0o700
    assert len(config.key_file.read_bytes()) == 32


async def test_the_key_file_is_where_the_settings_say(tmp_path: Path) -> None:
    config = CoordinatorConfig(data=tmp_path / "data", key_path=tmp_path / "my.key")

    open_accounts(MemoryStore(), config)

    assert [path.name for path in tmp_path.iterdir()] == ["my.key"]


async def test_another_key_file_ends_tokens_and_keys(tmp_path: Path) -> None:
    store = MemoryStore()
    config = CoordinatorConfig(data=tmp_path)
    accounts = open_accounts(store, config)
    row = await accounts.register("alice", PASSWORD)
    bearers = [
        (await accounts.create_api_key(row.id, "laptop")).text,
        (await accounts.login("alice", PASSWORD)).access,
    ]
    for bearer in bearers:
        await open_accounts(store, config).authenticate(bearer)
    config.key_file.unlink()

    replaced = open_accounts(store, config)

    for bearer in bearers:
        assert "not valid" in await refusal(replaced, bearer)
    await replaced.login("alice", PASSWORD)


async def test_a_given_jwt_secret_signs_instead_of_the_key_file(
    tmp_path: Path,
) -> None:
    store = MemoryStore()
    secret = "\udcff" + "s" * 31
    config = CoordinatorConfig(data=tmp_path, jwt_secret=secret)
    accounts = open_accounts(store, config)
    row = await accounts.register("alice", PASSWORD)
    key = await accounts.create_api_key(row.id, "laptop")
    token = await accounts.login("alice", PASSWORD)
    config.key_file.unlink()

    replaced = open_accounts(store, config)

    assert (await replaced.authenticate(token.access)).name == "alice"
    assert "not valid" in await refusal(replaced, key.text)
    derived = open_accounts(store, CoordinatorConfig(data=tmp_path))
    assert "not valid" in await refusal(derived, token.access)


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_key_file_that_others_may_read_is_a_setting_to_change(
    mode: int, tmp_path: Path
) -> None:
    config = CoordinatorConfig(data=tmp_path)
    config.key_file.write_bytes(bytes(32))
    config.key_file.chmod(mode)

    with pytest.raises(ConfigError) as refused:
        open_accounts(MemoryStore(), config)

    assert refused.value.value == str(config.key_file)
    assert f"chmod 600 {config.key_file}" in refused.value.fix


def test_a_key_file_that_cannot_be_read_is_a_setting_to_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(path: Path, flags: int) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    config = CoordinatorConfig(data=tmp_path)
    monkeypatch.setattr("os.open", deny)

    with pytest.raises(ConfigError) as refused:
        open_accounts(MemoryStore(), config)

    assert refused.value.value == str(config.key_file)
    assert "Permission denied: make it" in refused.value.fix


async def test_a_login_is_refreshed_and_ended(accounts: Accounts, clock: Clock) -> None:
    row = await accounts.register("alice", PASSWORD)
    first = await accounts.login("alice", PASSWORD)
    clock.forward(600)
    assert "expired" in await refusal(accounts, first.access)

    second = await accounts.refresh(first.refresh)

    assert second.member == first.member
    assert second.member.id == row.id
    assert second.expires_at == clock.now + 600
    await accounts.authenticate(second.access)
    await accounts.log_out(second.refresh)
    assert "revoked" in await refusal(accounts, second.access)


async def test_reuse_ends_access_tokens_that_were_just_seen(accounts: Accounts) -> None:
    await accounts.register("alice", PASSWORD)
    first = await accounts.login("alice", PASSWORD)
    second = await accounts.refresh(first.refresh)
    for login in (first, second):
        await accounts.authenticate(login.access)

    with pytest.raises(AuthenticationError):
        await accounts.refresh(first.refresh)

    for login in (first, second):
        assert "revoked" in await refusal(accounts, login.access)


async def test_what_is_opened_is_told_to_end(accounts: Accounts) -> None:
    row = await accounts.register("alice", PASSWORD)
    bob = await accounts.register("bob", PASSWORD)
    logins = [await accounts.login("alice", PASSWORD) for _ in range(2)]
    keys = [await accounts.create_api_key(row.id, "") for _ in range(2)]
    his = await accounts.login("bob", PASSWORD)
    bearers = [each.access for each in (*logins, his)] + [key.text for key in keys]
    seen = [await accounts.authenticate(bearer) for bearer in bearers]
    told: list[list[bool]] = []
    accounts.on_ended = lambda gone: told.append([gone(member) for member in seen])

    await accounts.revoke_api_key(row.id, keys[0].id)
    await accounts.log_out(logins[0].refresh)
    await accounts.members.set_role(seen[0], bob.id, "auditor")
    await accounts.log_out_everywhere(row.id)

    assert told == [
        [False, False, False, True, False],
        [True, False, False, False, False],
        [False, False, True, False, False],
        [True, True, False, False, False],
    ]


async def test_a_role_is_read_and_not_remembered(accounts: Accounts) -> None:
    row = await accounts.register("alice", PASSWORD)
    bob = await accounts.register("bob", PASSWORD)
    alice = (await accounts.login("alice", PASSWORD)).member
    await accounts.members.set_role(alice, bob.id, "operator")
    his = await accounts.login("bob", PASSWORD)
    assert (await accounts.authenticate(his.access)).role == "operator"

    await accounts.members.set_role(alice, bob.id, "member")

    assert (await accounts.authenticate(his.access)).role == "member"
    assert (await accounts.refresh(his.refresh)).member.role == "member"
    assert row.role == "operator"


async def test_a_key_expires_even_when_it_was_just_seen(
    accounts: Accounts, clock: Clock
) -> None:
    row = await accounts.register("alice", PASSWORD)
    wish = KeyWish(expires_at=clock.now + 10)
    key = await accounts.create_api_key(row.id, "", wish=wish)
    clock.forward(9)
    await accounts.authenticate(key.text)
    clock.forward(1)

    assert "expired" in await refusal(accounts, key.text)


async def test_guesses_of_keys_are_counted_and_good_ones_get_through(
    accounts: Accounts, clock: Clock
) -> None:
    row = await accounts.register("alice", PASSWORD)
    key = await accounts.create_api_key(row.id, "")
    gone = await accounts.create_api_key(row.id, "")
    await accounts.revoke_api_key(row.id, gone.id)
    for _ in range(30):
        with pytest.raises(AuthenticationError, match="revoked"):
            await accounts.authenticate(gone.text, "192.0.2.1")
    for _ in range(20):
        with pytest.raises(AuthenticationError, match="mistyped"):
            await accounts.authenticate("cak_guess", "192.0.2.1")

    with pytest.raises(RateLimited, match="address"):
        await accounts.authenticate("cak_guess", "192.0.2.1")
    await accounts.authenticate(key.text, "192.0.2.1")
    with pytest.raises(RateLimited):
        accounts.guard("192.0.2.1")
    accounts.guard("192.0.2.2")


async def test_the_owner_logs_in_whatever_strangers_do(
    accounts: Accounts, clock: Clock
) -> None:
    await accounts.register("alice", PASSWORD)
    await accounts.login("alice", PASSWORD, address="192.0.2.1")
    for number in range(8):
        with pytest.raises((AuthenticationError, RateLimited)):
            await accounts.login("alice", "wrong horse", address=f"203.0.113.{number}")

    await accounts.login("alice", PASSWORD, address="192.0.2.1")
    with pytest.raises(RateLimited, match="account"):
        await accounts.login("alice", PASSWORD, address="192.0.2.2")
    clock.forward(12.1)
    await accounts.login("alice", PASSWORD, address="192.0.2.2")


async def test_tries_for_an_account_that_others_used_up_are_no_tries_of_the_address(
    accounts: Accounts,
) -> None:
    await accounts.register("alice", PASSWORD)
    for number in range(5):
        with pytest.raises(AuthenticationError):
            await accounts.login("alice", "wrong horse", address=f"203.0.113.{number}")

    for _ in range(50):
        with pytest.raises(RateLimited, match="account"):
            await accounts.login("alice", PASSWORD, address="192.0.2.1")

    accounts.guard("192.0.2.1")


async def test_logins_show_no_token(accounts: Accounts) -> None:
    await accounts.register("alice", PASSWORD)
    login = await accounts.login("alice", PASSWORD)

    assert login.access not in repr(login)
    assert login.refresh not in repr(login)
    assert "alice" in repr(login)


async def test_an_operator_ends_what_another_member_opened_by_a_key(
    accounts: Accounts,
) -> None:
    row = await accounts.register("alice", PASSWORD)
    key = await accounts.create_api_key(row.id, "")
    alice = await accounts.authenticate(key.text)
    ended: list[Callable[[Member], bool]] = []
    accounts.on_ended = ended.append

    await accounts.revoke_api_key(MemberId("m_root"), key.id, any_member=True)

    assert "revoked" in await refusal(accounts, key.text)
    [gone] = ended
    assert gone(alice)
    assert not gone(Member(row.id, "alice", "member"))
