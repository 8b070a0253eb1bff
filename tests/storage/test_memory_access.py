"""The two stores give the same answers of access, too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from clubai.errors import StorageError
from clubai.model import MemberId
from clubai.storage import MemoryStore, Store
from clubai.storage.sqlite import SqliteStore
from support.rows import invite_row, member_row, refresh_row

Act = Callable[[Store], Awaitable[object]]

FAMILIES = st.sampled_from(["a", "b", "c"])
TIMES = st.sampled_from([2.0, 4.0, 6.0, 8.0])
DIGESTS = st.sampled_from([b"\x01" * 32, b"\x02" * 32])
NAMES = st.sampled_from(["ann", "ANN", "bob"])
MEMBERS = st.sampled_from([MemberId("m_a"), MemberId("m_b")])


def _rotate(family: str, digest: bytes, next_: bytes, at: float) -> Act:
    return lambda store: store.rotate_refresh(
        family, digest=digest, successor=next_, at=at, expires_at=at + 3
    )


def _invited(name: str, invite: str, at: float) -> Act:
    digest = invite_row(invite).digest
    return lambda store: store.add_invited_member(
        member_row(name), digest=digest, at=at
    )


ACTS: st.SearchStrategy[Act] = st.one_of(
    st.builds(_rotate, FAMILIES, DIGESTS, DIGESTS, TIMES),
    st.builds(lambda f, at: lambda store: store.end_refresh(f, at=at), FAMILIES, TIMES),
    st.builds(
        lambda m, at: lambda store: store.end_refresh_of(m, at=at), MEMBERS, TIMES
    ),
    st.builds(
        lambda i, m, at: (
            lambda store: store.add_invite(
                invite_row(i + m, sponsor=m, created_at=at, expires_at=at + 3),
                most_open=1,
            )
        ),
        FAMILIES,
        MEMBERS,
        TIMES,
    ),
    st.builds(lambda i, at: lambda store: store.revoke_invite(i, at=at), NAMES, TIMES),
    st.builds(_invited, NAMES, FAMILIES, TIMES),
    st.builds(
        lambda name, role: lambda store: store.set_role(member_row(name).id, role),
        NAMES,
        st.sampled_from(["member", "operator"]),
    ),
)


async def story(store: Store, acts: list[Act]) -> list[object]:
    for number, family in enumerate("abc"):
        member = MemberId("m_a" if number else "m_b")
        row = refresh_row(family, member=member, created_at=1.0 + number, expires_at=7)
        await store.add_refresh(row, keep=2)
        await store.add_invite(invite_row(family, expires_at=7), most_open=9)
    await store.add_member(member_row("bob", role="operator"))
    told: list[object] = [await act(store) for act in acts]
    told += [await store.refresh_family(family) for family in "abc"]
    return [*told, await store.invites(), await store.members()]


@settings(max_examples=60)
@given(st.lists(ACTS, max_size=10))
def test_both_stores_tell_the_same_story(acts: list[Act]) -> None:
    async def compare() -> None:
        with TemporaryDirectory() as directory:
            async with SqliteStore.open(Path(directory) / "clubai.db") as sqlite:
                assert await attempt(sqlite, acts) == await attempt(MemoryStore(), acts)

    anyio.run(compare)


async def attempt(store: Store, acts: list[Act]) -> list[object] | str:
    """The story, or that the store refused what breaks its rules."""
    try:
        return await story(store, acts)
    except StorageError:
        return "refused"
