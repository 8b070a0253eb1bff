from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.core.pools import Load, ModelPool, Place, Shape, claimed_speed, shape_of
from clubai.core.speeds import FASTEST
from support.scene import node_id, offer


def load(
    name: str, *, free: int = 1, silent: bool = False, failing: bool = False
) -> Load:
    return Load(
        node=node_id(name),
        serving=True,
        silent=silent,
        slots=2,
        used=2 - free,
        free=free,
        failing=failing,
    )


def stand(pool: ModelPool, shape: Shape, claimed: float, now: Load) -> Place:
    place = Place(shelf=pool.shelf(shape), claimed=claimed)
    place.shelf.put(place, now)
    return place


WARM = Shape(context=4096, warm=True, kinds=("chat",))
COLD = Shape(context=8192, warm=False, kinds=("chat", "embedding"))


def test_the_free_nodes_of_a_shelf_are_sorted_best_first() -> None:
    pool = ModelPool("llama")
    stand(pool, WARM, 10.0, load("slow"))
    stand(pool, WARM, 90.0, load("failing", failing=True))
    stand(pool, WARM, 50.0, load("fast-used", free=1))
    stand(pool, WARM, 50.0, load("fast", free=2))
    stand(pool, WARM, 99.0, load("full", free=0))

    order = [key[3] for key in pool.shelf(WARM).idle]
    assert order == [node_id(n) for n in ("fast", "fast-used", "slow", "failing")]


def test_what_was_counted_in_is_counted_out() -> None:
    pool = ModelPool("llama")
    place = stand(pool, WARM, 10.0, load("a"))
    pool.shelf(WARM).take(place, load("a"))
    shelf = pool.shelf(WARM)

    assert (shelf.members, shelf.serving, shelf.slots, shelf.free) == (0, 0, 0, 0)
    assert shelf.idle == []


def test_a_paused_node_is_a_member_and_nothing_else() -> None:
    pool = ModelPool("llama")
    stand(pool, WARM, 10.0, load("a", free=0)._replace(serving=False))
    shelf = pool.shelf(WARM)

    assert (shelf.members, shelf.serving, shelf.slots) == (1, 0, 0)


def test_the_snapshot_adds_the_shelves_that_have_nodes() -> None:
    pool = ModelPool("llama")
    stand(pool, WARM, 0.0, load("a"))
    stand(pool, COLD, 0.0, load("b", free=2))
    pool.shelf(Shape(context=1 << 20, warm=True, kinds=("completion",)))
    snapshot = pool.snapshot()

    assert (snapshot.nodes, snapshot.warm) == (2, 1)
    assert (snapshot.slots, snapshot.slots_free) == (4, 3)
    assert snapshot.context == 8192
    assert snapshot.kinds == ("chat", "embedding")


def test_a_silent_node_keeps_no_model_warm() -> None:
    pool = ModelPool("llama")
    stand(pool, WARM, 0.0, load("a", free=0, silent=True))

    assert not pool.has_warm
    assert not pool.has_idle


def test_offers_that_can_do_the_same_have_one_shape() -> None:
    one = shape_of(offer(kinds=("completion", "chat"), context=-1, quantization="q4"))
    other = shape_of(offer(kinds=("chat", "completion"), tokens_per_second=5.0))

    assert one == other


@pytest.mark.parametrize(
    ("claimed", "taken"),
    [(25.0, 25.0), (-1.0, 0.0), (float("nan"), 0.0), (float("inf"), FASTEST)],
)
def test_a_claimed_speed_is_taken_as_far_as_it_makes_sense(
    claimed: float, taken: float
) -> None:
    assert claimed_speed(offer(tokens_per_second=claimed)) == taken


@given(
    st.dictionaries(
        st.tuples(st.sampled_from("abcdef"), st.sampled_from(["Q4", "Q8"])),
        st.integers(1, 9),
        min_size=1,
    ),
    st.integers(0, 12),
    st.randoms(use_true_random=False),
)
def test_drawn_are_nodes_of_as_many_other_owners_as_can_be(
    owned: dict[tuple[str, str], int], most: int, rng: Random
) -> None:
    pool = ModelPool("llama")
    whose = {
        node_id(f"{owner}{kind}{number}"): (owner, kind)
        for (owner, kind), count in owned.items()
        for number in range(count)
    }
    for node, (owner, kind) in whose.items():
        pool.enter(node, owner, kind)

    drawn = pool.draw(rng, besides="a", quantization="Q8", most=most)

    alike = {owner for owner, kind in owned if kind == "Q8" and owner != "a"}
    others = {owner for owner, _ in owned if owner != "a"}
    assert len(drawn) == len(set(drawn)) <= most
    seen = [whose[node] for node in drawn]
    assert {owner for owner, _ in seen} <= others
    first = [owner for owner, kind in seen if kind == "Q8"]
    assert len(set(first)) == min(most, len(alike))
    assert [kind for _, kind in seen[: len(first)]] == ["Q8"] * len(first)
    if len(seen) < most:
        assert {owner for owner, _ in seen} == others


def test_who_has_left_is_not_drawn() -> None:
    pool = ModelPool("llama")
    for name in ("one", "two", "three"):
        pool.enter(node_id(name), "bob" if name == "three" else "eve", "Q4")
    pool.leave(node_id("one"), "eve", "Q4")
    pool.leave(node_id("three"), "bob", "Q4")

    rng = Random(5)  # noqa: S311 - no secret
    drawn = pool.draw(rng, besides="ann", quantization="Q8", most=9)
    assert drawn == [node_id("two")]
    pool.leave(node_id("two"), "eve", "Q4")
    assert pool.owners == {}


def test_each_node_has_its_chance() -> None:
    pool = ModelPool("llama")
    for number in range(6):
        pool.enter(node_id(str(number)), f"owner{number % 3}", "")

    rng = Random(5)  # noqa: S311 - no secret
    drawn = {
        node
        for _ in range(100)
        for node in pool.draw(rng, besides="owner0", quantization="", most=1)
    }

    assert drawn == {node_id(name) for name in "1245"}
