from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.client.modes.nodes import (
    MOST_PINNED,
    UNKNOWN_CONTEXT,
    Offering,
    alike,
    context,
    expected_s,
    offering,
    owners,
    shares,
    slots,
)
from clubai.dividing.plan import Plan, Step
from clubai.errors import TaskRejected
from clubai.model import (
    ModelOffer,
    NodeId,
    NodeSnapshot,
    NodeState,
    node_text,
)


def node(number: int, owner: str = "", **changes: object) -> Offering:
    made = Offering(
        node=NodeId(number.to_bytes(32, "big")),
        owner=owner or f"o{number}",
        slots=2,
        slots_free=2,
        context=0,
        tokens_per_second=0.0,
        quantization="",
    )
    return made._replace(**changes)  # type: ignore[arg-type]


def seen(
    number: int, model: ModelOffer, state: NodeState = "alive", used: int = 0
) -> NodeSnapshot:
    return NodeSnapshot(
        id=node_text(NodeId(number.to_bytes(32, "big"))),
        name=f"n{number}",
        state=state,
        owner="ann",
        backend="x",
        models=(model,),
        slots=2,
        slots_used=used,
        vram_gb=0,
        tokens_per_second=float(number),
        tasks_done=0,
        tasks_failed=0,
        joined_at=0,
        seen_at=0,
        version="",
    )


def test_nodes_that_can_be_asked_are_found_the_quickest_free_one_first() -> None:
    chat = ModelOffer(name="m", context=2048)
    found = offering(
        (
            seen(1, chat),
            seen(2, chat, used=2),
            seen(3, chat),
            seen(4, chat, state="paused"),
            seen(5, ModelOffer(name="other")),
            seen(6, ModelOffer(name="m", kinds=("embedding",))),
        ),
        "m",
    )

    assert [int.from_bytes(each.node, "big") for each in found] == [3, 1, 2]
    assert slots(found) == 6
    assert context(found) == 2048


def test_a_model_that_nobody_offers_is_refused() -> None:
    with pytest.raises(TaskRejected, match="no node offers the model 'm'"):
        offering((), "m")


def test_the_smallest_known_context_fits_all() -> None:
    nodes = [node(1, context=4000), node(2), node(3, context=1000)]

    assert context(nodes) == 1000
    assert context([node(1)]) == UNKNOWN_CONTEXT


def test_the_quantisation_that_most_have_is_taken() -> None:
    nodes = [
        node(1, quantization="a"),
        node(2, quantization="b"),
        node(3, quantization="b"),
        node(4),
    ]

    assert [each.node[-1] for each in alike(nodes)] == [2, 3, 4]
    assert alike([node(1), node(2)]) == (node(1), node(2))


@given(
    st.lists(st.sampled_from("abcde"), min_size=1, max_size=30),
    st.integers(2, 16),
)
def test_shares_are_independent(names: list[str], most: int) -> None:
    nodes = [node(number, owner) for number, owner in enumerate(names)]
    made = shares(nodes, most)
    given_out = [each for share in made for each in share]

    assert len(given_out) == len(set(given_out)) == len(nodes)
    assert all(made)
    assert len(made) == min(most, max(len(set(names)), len(nodes)))
    if len(set(names)) >= most:
        of = {each.node: each.owner for each in nodes}
        owned = [{of[each] for each in share} for share in made]
        assert sum(map(len, owned)) == len(set(names))


@given(st.lists(st.sampled_from("abc"), min_size=3, max_size=12))
def test_with_few_owners_the_first_shares_are_of_different_ones(
    names: list[str],
) -> None:
    nodes = [node(number, owner) for number, owner in enumerate(names)]
    of = {each.node: each.owner for each in nodes}
    firsts = [of[share[0]] for share in shares(nodes, 8)]

    several = len(set(names))
    assert len(set(firsts[:several])) == several
    assert owners(nodes) == several


def test_the_time_follows_from_speeds_and_slots() -> None:
    steps = [Step(id=str(n), kind="part", max_tokens=100) for n in range(4)]
    last = Step(id="m", kind="merge", needs=("0", "1"), max_tokens=100)
    plan = Plan(mode="subtasks", model="m", steps=(*steps, last))
    slow, fast = node(1, tokens_per_second=10.0), node(2, tokens_per_second=40.0)

    assert expected_s(plan, [slow]) == 25  # 500 tokens, two slots of 10 a second
    assert expected_s(plan, [slow, fast]) == 5  # 200 in a row on the quick one, or 500
    assert expected_s(plan, [node(1)]) is None
    assert expected_s(plan, [slow, node(3)]) == 20  # two in a row on the one known


def test_no_share_is_larger_than_a_request_can_name() -> None:
    nodes = [node(number, "ab"[number % 2]) for number in range(2000)]

    assert [len(share) for share in shares(nodes, 2)] == [MOST_PINNED] * 2
