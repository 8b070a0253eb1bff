from __future__ import annotations

import pytest

from clubai.core.commands import Command, OfferTask
from clubai.core.coordinator import CoordinatorMachine
from clubai.core.pools import Shape
from clubai.core.scheduling import CANDIDATES, MAX_RETRY_AFTER_S, fits
from clubai.core.tasks import new_task
from support.scene import (
    START,
    Scene,
    all_of,
    joined,
    node_id,
    offer,
    only,
    requested,
    task_id,
)


def chosen(commands: list[Command]) -> str:
    return only(OfferTask, commands).node_name


def measure(scene: Scene, node: str, seconds: float, tokens: int = 100) -> None:
    """Let a node show its speed with one task."""
    name = f"measure-{node}"
    scene.ask(name, pinned=(node_id(node),))
    scene.run(node, name, seconds, tokens)


@pytest.mark.parametrize(
    ("shape", "fields", "over", "expected"),
    [
        (Shape(0, True, ("chat",)), {"prompt_tokens": 1 << 20}, 0, True),
        (Shape(100, True, ("chat",)), {"prompt_tokens": 84}, 0, True),
        (Shape(100, True, ("chat",)), {"prompt_tokens": 85}, 0, False),
        (Shape(100, True, ("chat",)), {"prompt_tokens": 60, "max_tokens": 40}, 0, True),
        (
            Shape(100, True, ("chat",)),
            {"prompt_tokens": 60, "max_tokens": 41},
            0,
            False,
        ),
        (Shape(100, True, ("chat",)), {"kind": "embedding"}, 0, False),
        (Shape(100, True, ("chat",)), {}, 100, False),
        (Shape(101, True, ("chat",)), {}, 100, True),
        (Shape(0, True, ("chat",)), {}, 100, False),
    ],
)
def test_a_task_fits_by_kind_and_context(
    shape: Shape, fields: dict[str, object], over: int, expected: bool
) -> None:
    task = new_task(requested("t", **fields), 1, START, START)
    task.over_context = over

    assert fits(task, shape) is expected


def test_only_a_node_that_has_the_model_is_chosen() -> None:
    scene = Scene()
    scene.join("a", offer("other", tokens_per_second=999.0))
    scene.join("b", offer("llama"))

    assert chosen(scene.ask("t")) == "b"


def test_only_a_node_that_does_the_kind_is_chosen() -> None:
    scene = Scene()
    scene.join("a", offer(tokens_per_second=999.0))
    scene.join("b", offer(kinds=("embedding",)))

    assert chosen(scene.ask("t", kind="embedding")) == "b"


def test_only_a_node_with_room_for_the_prompt_is_chosen() -> None:
    scene = Scene()
    scene.join("a", offer(context=2048, tokens_per_second=999.0))
    scene.join("b", offer(context=8192))

    assert chosen(scene.ask("t", prompt_tokens=4000)) == "b"


def test_an_excluded_node_is_not_chosen() -> None:
    scene = Scene()
    scene.join("a", offer(tokens_per_second=999.0))
    scene.join("b")

    assert chosen(scene.ask("t", exclude=(node_id("a"),))) == "b"


def test_only_a_pinned_node_is_chosen() -> None:
    scene = Scene()
    scene.join("a", offer(tokens_per_second=999.0))
    scene.join("b")

    assert chosen(scene.ask("t", pinned=(node_id("b"), node_id("zz")))) == "b"


def test_a_warm_node_comes_before_a_faster_cold_one() -> None:
    scene = Scene()
    scene.join("a", offer(warm=False, tokens_per_second=999.0))
    scene.join("b", offer(tokens_per_second=1.0))

    assert chosen(scene.ask("t")) == "b"


def test_the_measured_speed_decides_between_warm_nodes() -> None:
    scene = Scene()
    for name in ("a", "b", "c"):
        scene.join(name)
    measure(scene, "a", 10.0)
    measure(scene, "b", 2.0)
    measure(scene, "c", 5.0)

    assert chosen(scene.ask("t")) == "b"
    assert chosen(scene.ask("u")) == "c"
    assert chosen(scene.ask("v")) == "a"


def test_a_short_answer_goes_where_the_first_token_comes_soon() -> None:
    scene = Scene()
    scene.join("far")
    scene.join("near")
    scene.ask("m", pinned=(node_id("far"),))
    scene.accept("far", "m")
    scene.wait(3.0)
    scene.finish("far", "m", tokens=100, first_token_ms=2000)
    scene.ask("n", pinned=(node_id("near"),))
    scene.accept("near", "n")
    scene.wait(5.0)
    scene.finish("near", "n", tokens=100, first_token_ms=100)

    assert chosen(scene.ask("short", max_tokens=5)) == "near"
    assert chosen(scene.ask("long", exclude=())) == "far"


def test_an_unmeasured_node_is_tried_before_an_average_one() -> None:
    scene = Scene()
    scene.join("known")
    scene.join("new")
    scene.ask("m", pinned=(node_id("known"),))
    scene.accept("known", "m")
    scene.wait(5.0)
    scene.finish("known", "m", tokens=100, first_token_ms=500)

    assert chosen(scene.ask("t")) == "new"


def test_what_an_unmeasured_node_says_of_itself_counts() -> None:
    scene = Scene()
    scene.join("a", offer(tokens_per_second=10.0))
    scene.join("b", offer(tokens_per_second=80.0))

    assert chosen(scene.ask("t")) == "b"


def test_between_equals_the_less_used_and_then_the_first_id_is_chosen() -> None:
    scene = Scene()
    scene.join("b", slots=2)
    scene.join("a", slots=2)

    assert [chosen(scene.ask(name)) for name in "tuvw"] == ["a", "b", "a", "b"]


def test_a_node_that_just_failed_comes_last_until_it_succeeds() -> None:
    scene = Scene()
    scene.join("bad", offer(tokens_per_second=999.0))
    scene.join("good", slots=3)
    assert chosen(scene.ask("t")) == "bad"
    scene.fail("bad", "t")
    assert chosen(scene.ask("u")) == "good"
    scene.ask("v", pinned=(node_id("bad"),))
    scene.finish("bad", "v", tokens=0)

    assert chosen(scene.ask("w")) == "bad"


def test_a_node_that_said_busy_is_left_alone_until_it_is_heard_again() -> None:
    scene = Scene()
    scene.join("a", slots=4)
    scene.ask("t")
    scene.accept("a", "t")
    scene.ask("u")
    from_busy = scene.fail("a", "u", code="busy")
    assert not all_of(OfferTask, from_busy)
    assert not all_of(OfferTask, scene.ask("v"))

    assert chosen(scene.report("a")) == "a"


def test_a_cold_node_is_used_when_there_is_no_warm_one() -> None:
    scene = Scene()
    scene.join("a", offer(warm=False))

    assert chosen(scene.ask("t")) == "a"


def test_a_short_queue_waits_for_the_warm_node() -> None:
    scene = Scene()
    scene.join("warm")
    scene.join("cold", offer(warm=False))
    measure(scene, "warm", 2.0)
    scene.ask("t")

    assert not all_of(OfferTask, scene.ask("u"))
    assert not all_of(OfferTask, scene.wait(14.0))


def test_a_long_queue_loads_a_cold_node() -> None:
    scene = Scene()
    scene.join("warm")
    scene.join("cold", offer(warm=False))
    measure(scene, "warm", 2.0)
    scene.ask("t")
    offers = [all_of(OfferTask, scene.ask(f"u{number}")) for number in range(11)]

    assert [len(o) for o in offers] == [0] * 10 + [1]
    assert offers[-1][0].node_name == "cold"


def test_a_task_that_waited_for_as_long_as_a_load_takes_goes_to_the_cold_node() -> None:
    scene = Scene(load_s=20.0)
    scene.join("warm")
    scene.join("cold", offer(warm=False))
    measure(scene, "warm", 2.0)
    scene.ask("t")
    scene.accept("warm", "t")
    scene.ask("u")
    assert not all_of(OfferTask, scene.wait(19.0))

    assert chosen(scene.wait(2.0)) == "cold"


def test_cold_nodes_step_in_at_once_when_the_last_warm_one_goes() -> None:
    scene = Scene()
    scene.join("warm")
    scene.join("cold", offer(warm=False), slots=2)
    measure(scene, "warm", 2.0)
    scene.ask("t")
    scene.ask("u")
    commands = scene.leave("warm")

    assert {c.task for c in all_of(OfferTask, commands)} == {task_id("t"), task_id("u")}


@pytest.mark.parametrize("change", ["pause", "cool", "silence"])
def test_cold_nodes_step_in_when_the_last_warm_one_takes_no_more(change: str) -> None:
    scene = Scene(load_s=1000.0, say_wait_s=1000.0)
    scene.join("warm")
    scene.join("cold", offer(warm=False))
    measure(scene, "warm", 2.0)
    scene.wait(14.0)
    scene.ask("t")
    scene.accept("warm", "t")
    scene.ask("u")
    if change == "pause":
        commands = scene.report("warm", paused=True)
    elif change == "cool":
        commands = scene.report("warm", models=(offer(warm=False),))
    else:
        scene.told["warm"].silent = True
        commands = scene.wait(26.0)

    assert chosen(commands) == "cold"


def test_a_freed_node_takes_the_task_whose_turn_it_is_over_all_its_models() -> None:
    scene = Scene()
    scene.join("a", offer("llama"), offer("other"))
    scene.ask("busy", member="m_a")
    scene.ask("a1", member="m_a", model="other")
    scene.ask("a2", member="m_a", model="llama")
    scene.ask("b1", member="m_b", model="llama")
    order = []
    running = "busy"
    for _ in range(3):
        running = only(OfferTask, scene.finish("a", running)).task.decode().rstrip("-")
        order.append(running)

    assert order == ["a1", "b1", "a2"]


@pytest.mark.parametrize("models", [("llama", "other"), ("other", "llama")])
def test_one_members_tasks_come_in_their_order_over_all_models(
    models: tuple[str, str],
) -> None:
    scene = Scene()
    scene.join("a", offer("llama"), offer("other"))
    scene.ask("busy")
    scene.ask("first", model=models[0])
    scene.ask("second", model=models[1])

    assert only(OfferTask, scene.finish("a", "busy")).task == task_id("first")


def test_a_freed_node_passes_over_tasks_that_it_cannot_take() -> None:
    scene = Scene()
    scene.join("small", offer(context=100))
    scene.join("large", offer(context=8000))
    scene.ask("t", prompt_tokens=1000)
    scene.ask("u")
    scene.ask("big", prompt_tokens=1000)
    scene.ask("tiny", prompt_tokens=10)

    assert only(OfferTask, scene.finish("small", "u")).task == task_id("tiny")
    assert only(OfferTask, scene.finish("large", "t")).task == task_id("big")


def test_the_advice_when_to_retry_follows_the_measured_pace() -> None:
    scene = Scene(max_queue=2)
    scene.join("a")
    measure(scene, "a", 8.0)
    for name in "tuv":
        scene.ask(name)
    refusal = scene.ask("w")[-1]

    assert refusal.retry_after_s == 3 * 8.0  # type: ignore[union-attr]


def test_the_advice_when_to_retry_is_bounded() -> None:
    scene = Scene(max_queue=1)
    scene.join("a")
    measure(scene, "a", 500.0)
    for name in "tu":
        scene.ask(name)

    assert scene.ask("v")[-1].retry_after_s == MAX_RETRY_AFTER_S  # type: ignore[union-attr]


def test_a_choice_among_thousands_ranks_a_few(monkeypatch: pytest.MonkeyPatch) -> None:
    from clubai.core import scheduling

    machine = CoordinatorMachine()
    for number in range(10_000):
        name = f"n{number:05}"
        speed = 10.0 + number % 97
        machine.handle(joined(name, offer(tokens_per_second=speed)), now=START)
    ranked = 0
    rank = scheduling.rank

    def counting(*args: object) -> object:
        nonlocal ranked
        ranked += 1
        return rank(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(scheduling, "rank", counting)
    commands = machine.handle(requested("t"), now=START)

    assert chosen(commands) == "n00096"
    assert ranked == CANDIDATES
