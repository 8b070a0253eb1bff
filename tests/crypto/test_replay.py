from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.crypto.replay import ReplaySet
from clubai.errors import TrustError
from clubai.model import TrustCode
from support.sealing import vector

HEAD = b"h" * 176


def refused(seen: ReplaySet, head: bytes, *, expires_ms: int, now_ms: int) -> TrustCode:
    with pytest.raises(TrustError) as refusal:
        seen.admit(head, expires_ms=expires_ms, now_ms=now_ms)
    return refusal.value.code


def test_must_fail_the_same_head_twice() -> None:
    head, seen = vector("request", "enc_head"), ReplaySet()
    seen.admit(head, expires_ms=1000, now_ms=0)

    for now_ms in (0, 500, 999):
        code = refused(seen, head, expires_ms=1000, now_ms=now_ms)
        assert code is TrustCode.REPLAYED


def test_another_head_passes() -> None:
    seen = ReplaySet()

    seen.admit(HEAD, expires_ms=1000, now_ms=0)
    seen.admit(HEAD + b"x", expires_ms=1000, now_ms=0)

    assert len(seen) == 2


def test_expired_head_does_not_pass_and_is_forgotten() -> None:
    seen = ReplaySet()
    seen.admit(HEAD, expires_ms=1000, now_ms=0)

    assert refused(seen, HEAD, expires_ms=1000, now_ms=1000) is TrustCode.EXPIRED
    assert len(seen) == 0


def test_clock_that_is_put_back_lets_nothing_pass_again() -> None:
    seen = ReplaySet()
    seen.admit(HEAD, expires_ms=1000, now_ms=0)
    seen.admit(b"another", expires_ms=3000, now_ms=2000)

    assert refused(seen, HEAD, expires_ms=1000, now_ms=0) is TrustCode.EXPIRED
    seen.admit(b"new", expires_ms=1001, now_ms=0)


def test_full_set_refuses_and_forgets_nothing_that_may_come_again() -> None:
    seen = ReplaySet(limit=2)
    seen.admit(b"a", expires_ms=1000, now_ms=0)
    seen.admit(b"b", expires_ms=2000, now_ms=0)

    assert refused(seen, b"c", expires_ms=3000, now_ms=999) is TrustCode.TOO_MUCH
    assert refused(seen, b"a", expires_ms=1000, now_ms=999) is TrustCode.REPLAYED
    seen.admit(b"c", expires_ms=3000, now_ms=1000)
    assert len(seen) == 2


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 5), st.integers(-20, 50), st.integers(1, 30))
    )
)
def test_no_head_ever_passes_twice(steps: list[tuple[int, int, int]]) -> None:
    # Whatever the clock does; the expiry of a head is bound to it.
    seen, now_ms = ReplaySet(), 1000
    expiries: dict[int, int] = {}
    passed: set[int] = set()
    for head, step, life in steps:
        now_ms += step
        expires_ms = expiries.setdefault(head, now_ms + life)
        try:
            seen.admit(bytes([head]), expires_ms=expires_ms, now_ms=now_ms)
        except TrustError:
            continue
        assert head not in passed
        passed.add(head)
