from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from clubai.economics.sharing import equal_parts, share, share_capped
from clubai.model import MemberId

A, B, C, D = map(MemberId, "abcd")
MONTH = {A: 11_892_500_000, B: 4_486_650_000, C: 1_691_760_000, D: 0}

weights = st.dictionaries(
    st.text(min_size=1, max_size=4).map(MemberId), st.integers(0, 2**80), max_size=12
)


def parts(amount: int, *given: int) -> list[int]:
    return list(share(amount, dict(zip((A, B, C), given, strict=False))).values())


def test_vectors_1_to_6() -> None:
    assert parts(10_000, 1, 1, 1) == [3334, 3333, 3333]
    assert parts(100, 5000, 3000, 2000) == [50, 30, 20]
    assert parts(5000, 0, 0, 0) == [0, 0, 0]
    assert parts(2, 1, 1, 1) == [1, 1, 0]
    assert parts(49, 3, 7, 90) == [2, 3, 44]
    assert parts(51, 3, 7, 90) == [1, 4, 46]
    assert list(share(4779, MONTH).values()) == [3145, 1187, 447, 0]


def test_vector_6_with_a_cap() -> None:
    capped, left = share_capped(4779, MONTH, 5000)

    assert list(capped.values()) == [2389, 1736, 654, 0]
    assert left == 0


def test_what_nobody_may_have_is_left() -> None:
    assert share_capped(100, {A: 1}, 5000) == ({A: 50}, 50)


@given(st.integers(0, 2**63), weights)
def test_the_parts_add_up(amount: int, given_weights: dict[MemberId, int]) -> None:
    divided = share(amount, given_weights)

    total = sum(given_weights.values())
    assert sum(divided.values()) == (amount if total else 0)
    for each, minor in divided.items():
        exact = amount * given_weights[each]
        assert not total or abs(minor * total - exact) < total


@given(st.integers(0, 2**63), weights, st.integers(0, 10_000))
def test_capped_parts_and_what_is_left_add_up(
    amount: int, given_weights: dict[MemberId, int], cap_bp: int
) -> None:
    divided, left = share_capped(amount, given_weights, cap_bp)

    assert sum(divided.values()) + left == amount
    assert left >= 0
    assert all(minor <= amount * cap_bp // 10_000 for minor in divided.values())


@given(st.integers(0, 2**40), weights, st.randoms(use_true_random=False))
def test_the_order_is_nothing(
    amount: int, given_weights: dict[MemberId, int], random: object
) -> None:
    shuffled = list(given_weights.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert list(share(amount, dict(shuffled)).items()) == list(
        share(amount, given_weights).items()
    )
    assert share_capped(amount, dict(shuffled), 3000) == share_capped(
        amount, given_weights, 3000
    )


@given(st.integers(0, 10**12), st.integers(1, 24))
def test_equal_parts_add_up(amount: int, count: int) -> None:
    made = equal_parts(amount, count)

    assert sum(made) == amount
    assert max(made) - min(made) <= 1
