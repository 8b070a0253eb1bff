from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.checking.candidates import named, offers, referees
from clubai.client.modes.nodes import Offering
from clubai.model import NodeId


def node(
    number: int, owner: str = "", quantization: str = "Q4", free: int = 1
) -> Offering:
    return Offering(
        node=NodeId(bytes([number]) * 32),
        owner=owner or f"o{number}",
        slots=1,
        slots_free=free,
        context=0,
        tokens_per_second=0.0,
        quantization=quantization,
    )


AUDITED = node(0)


def chosen(
    *nodes: Offering, trusted: tuple[int, ...] = (), doubted: tuple[int, ...] = ()
) -> tuple[list[int], str] | None:
    found = referees(
        (AUDITED, *nodes),
        AUDITED,
        Random(1),
        trusted={NodeId(bytes([each]) * 32) for each in trusted},
        doubted={NodeId(bytes([each]) * 32) for each in doubted},
    )
    if found is None:
        return None
    return sorted(each.node[0] for each in found.nodes), found.source


def test_nobody_offers_what_nobody_has() -> None:
    assert offers((), "m") == ()
    assert named((AUDITED,), AUDITED.node) == AUDITED
    assert named((), AUDITED.node) is None


def test_two_that_are_trusted_come_first() -> None:
    nodes = [node(each) for each in range(1, 6)]

    assert chosen(*nodes, trusted=(3, 5)) == ([3, 5], "trusted")


def test_one_that_is_trusted_is_not_enough() -> None:
    found = chosen(node(1), node(2), trusted=(2,))

    assert found == ([1, 2], "owners")


@pytest.mark.parametrize(
    "others",
    [
        [],
        [node(1)],
        [node(1, "x"), node(2, "x")],
        [node(1), node(2, AUDITED.owner)],
        [node(1), node(2, quantization="Q8")],
        [node(1), node(2, quantization="")],
    ],
)
def test_without_two_other_owners_alike_there_is_nobody(others: list[Offering]) -> None:
    assert chosen(*others) is None


def test_who_is_doubted_is_no_reference_trusted_or_not() -> None:
    assert chosen(node(1), node(2), doubted=(2,)) is None
    assert chosen(node(1), node(2), node(3), trusted=(2, 3), doubted=(2,)) == (
        [1, 3],
        "owners",
    )


def test_other_quantisations_come_last_where_they_may() -> None:
    nodes = (AUDITED, node(1, quantization="Q8"), node(2), node(3, free=0))

    found = referees(
        nodes, AUDITED, Random(1), trusted=(), doubted=(), same_quantization=False
    )

    assert found is not None
    assert [each.node[0] for each in found.nodes] == [2, 3]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["Q4", "Q8"]))),
    st.integers(),
)
def test_referees_are_of_two_other_owners(
    made: list[tuple[str, str]], seed: int
) -> None:
    nodes = [node(n, *each) for n, each in enumerate(made[:9], start=1)]
    audited = node(0, "a")

    found = referees((audited, *nodes), audited, Random(seed), trusted=(), doubted=())

    could = {each.owner for each in nodes if each.quantization == "Q4"} - {"a"}
    assert (found is not None) is (len(could) == 2)
    if found is not None:
        assert {each.owner for each in found.nodes} == could
