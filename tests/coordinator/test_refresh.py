from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
)

from clubai.coordinator.audit import AuditLog
from clubai.coordinator.refresh import (
    FAMILIES_PER_MEMBER,
    REFRESH_LIFETIME_S,
    Refresh,
    RefreshTokens,
    TokenReused,
    family_of,
)
from clubai.crypto.tokens import new_token
from clubai.errors import AuthenticationError
from clubai.model import MemberId
from clubai.storage import MemoryStore
from support.clock import Clock

T = TypeVar("T")
ALICE, BOB = MemberId("m_alice"), MemberId("m_bob")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def refresh(store: MemoryStore, clock: Clock) -> RefreshTokens:
    return RefreshTokens(store, clock=clock, audit=AuditLog(store, clock=clock))


async def test_each_token_is_exchanged_for_the_next(
    refresh: RefreshTokens, clock: Clock
) -> None:
    first = await refresh.begin(ALICE)
    clock.forward(3600)

    second = await refresh.exchange(first.token.text)
    third = await refresh.exchange(second.token.text)

    assert first.member == third.member == ALICE
    assert first.family == third.family
    assert second.expires_at == clock.now + REFRESH_LIFETIME_S
    assert len({first.token.text, second.token.text, third.token.text}) == 3
    assert await refresh.is_live(third.family)


async def test_a_token_that_comes_twice_ends_its_family(
    refresh: RefreshTokens, store: MemoryStore
) -> None:
    other = await refresh.begin(ALICE)
    first = await refresh.begin(ALICE)
    second = await refresh.exchange(first.token.text)

    with pytest.raises(TokenReused) as refused:
        await refresh.exchange(first.token.text)

    assert refused.value.family == first.family
    assert not await refresh.is_live(first.family)
    for token in (first, second):
        with pytest.raises(AuthenticationError, match="the login has ended"):
            await refresh.exchange(token.token.text)
    await refresh.exchange(other.token.text)
    [line] = await store.audit(limit=9)
    assert (line.action, line.actor) == ("refresh.reused", ALICE)
    assert line.object == first.family[:12]


async def test_of_two_at_once_one_wins_and_the_family_ends(
    refresh: RefreshTokens,
) -> None:
    first = await refresh.begin(ALICE)
    won: list[Refresh] = []
    lost: list[AuthenticationError] = []

    async def use() -> None:
        try:
            won.append(await refresh.exchange(first.token.text))
        except AuthenticationError as error:
            lost.append(error)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(use)
        tasks.start_soon(use)

    assert (len(won), len(lost)) == (1, 1)
    with pytest.raises(AuthenticationError):
        await refresh.exchange(won[0].token.text)


async def test_a_token_is_good_for_thirty_days(
    refresh: RefreshTokens, clock: Clock
) -> None:
    late, gone = await refresh.begin(ALICE), await refresh.begin(BOB)
    clock.forward(30 * 86_400 - 1)
    await refresh.exchange(late.token.text)
    clock.forward(1)

    with pytest.raises(AuthenticationError, match="log in again"):
        await refresh.exchange(gone.token.text)


async def test_a_login_is_ended_by_any_of_its_tokens(refresh: RefreshTokens) -> None:
    first = await refresh.begin(ALICE)
    second = await refresh.exchange(first.token.text)

    assert await refresh.end(first.token.text) == first.family

    assert not await refresh.is_live(second.family)
    with pytest.raises(AuthenticationError):
        await refresh.exchange(second.token.text)
    assert await refresh.end(second.token.text) == first.family


async def test_all_logins_of_a_member_are_ended(refresh: RefreshTokens) -> None:
    hers = [await refresh.begin(ALICE) for _ in range(3)]
    his = await refresh.begin(BOB)

    await refresh.end_all(ALICE)

    assert not any([await refresh.is_live(each.family) for each in hers])
    assert await refresh.is_live(his.family)


async def test_the_oldest_login_makes_room(
    refresh: RefreshTokens, clock: Clock
) -> None:
    logins = []
    for _ in range(FAMILIES_PER_MEMBER + 1):
        logins.append(await refresh.begin(ALICE))
        clock.forward(1)

    live = [await refresh.is_live(each.family) for each in logins]
    assert live == [False] + [True] * FAMILIES_PER_MEMBER


@pytest.mark.parametrize("text", ["", "crt_x", "civ_", "é", "x" * 5000])
async def test_what_is_no_token_is_said_to_be_none(
    refresh: RefreshTokens, text: str
) -> None:
    for act in (refresh.exchange, refresh.end):
        with pytest.raises(AuthenticationError, match="no refresh token"):
            await act(text)


async def test_a_token_that_nobody_issued_is_refused(refresh: RefreshTokens) -> None:
    stranger = new_token("crt", id_length=22).text

    for act in (refresh.exchange, refresh.end):
        with pytest.raises(AuthenticationError, match="log in again"):
            await act(stranger)


async def test_the_store_has_nothing_that_ends_or_goes_on_with_a_login(
    refresh: RefreshTokens, store: MemoryStore
) -> None:
    first = await refresh.begin(ALICE)
    row = await store.refresh_family(family_of(first.token))

    assert row is not None
    assert first.token.id not in row.id
    assert first.token.text.encode() not in row.digest


class Thieves(RuleBasedStateMachine):
    """One login, its owner, and thieves who copy whatever the owner has.

    Whoever presents a token that was exchanged before ends the login for all. As long
    as nobody does, whoever has the latest token goes on.
    """

    copies = Bundle("copies")

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        store = MemoryStore()
        audit = AuditLog(store, clock=self.clock)
        self.refresh = RefreshTokens(store, clock=self.clock, audit=audit)
        self.used: set[str] = set()
        self.stolen_and_used = False
        self.ended = False

    def run(self, act: Callable[[], Awaitable[T]]) -> T:
        return anyio.run(act)  # type: ignore[arg-type]

    @initialize()
    def log_in(self) -> None:
        self.mine = self.run(lambda: self.refresh.begin(ALICE)).token.text
        self.bystander = self.run(lambda: self.refresh.begin(ALICE)).token.text

    def present(self, text: str) -> str | None:
        """Show a token; the next one, or None when it was refused."""
        was_used = text in self.used
        try:
            after = self.run(lambda: self.refresh.exchange(text))
        except TokenReused:
            assert was_used
            assert not self.ended
            self.ended = True
            return None
        except AuthenticationError:
            assert self.ended
            return None
        assert not was_used, "a token was exchanged twice"
        assert not self.ended, "a login that had ended went on"
        self.used.add(text)
        return after.token.text

    @rule()
    def the_owner_goes_on(self) -> None:
        after = self.present(self.mine)
        if after is not None:
            self.mine = after
        else:
            assert self.stolen_and_used, "honest use ended the login"

    @rule(target=copies)
    def steal(self) -> str:
        return self.mine

    @rule(text=consumes(copies), target=copies)
    def a_thief_goes_on(self, text: str) -> str:
        after = self.present(text)
        self.stolen_and_used = True
        return text if after is None else after

    @rule(text=copies)
    def a_thief_uses_it_and_keeps_the_old_one(self, text: str) -> None:
        self.present(text)
        self.stolen_and_used = True

    @rule(seconds=st.floats(0, 86_400))
    def time_passes(self, seconds: float) -> None:
        self.clock.forward(seconds)

    @invariant()
    def another_login_is_not_touched(self) -> None:
        if hasattr(self, "bystander"):
            text = self.bystander
            after = self.run(lambda: self.refresh.exchange(text))
            self.bystander = after.token.text


TestThieves = Thieves.TestCase
TestThieves.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
