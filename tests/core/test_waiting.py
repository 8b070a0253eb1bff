from __future__ import annotations

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from clubai.core.tasks import Task, new_task
from clubai.core.waiting import FairQueue
from support.scene import requested

orders = count()


def make(member: str, model: str = "llama") -> Task:
    order = next(orders)
    event = requested(str(order), member=member, model=model)
    return new_task(event, order, 100.0, 105.0)


def serve(queue: FairQueue, model: str = "llama") -> Task:
    task = queue.in_order(model)[0]
    queue.remove(task)
    queue.serve(task.request.member)
    return task


def test_members_take_turns_and_each_comes_first_in_first_out() -> None:
    queue = FairQueue()
    tasks = [make(member) for member in "aaabbc"]
    for task in tasks:
        queue.add(task)
    served = [serve(queue) for _ in tasks]

    assert [task.request.member for task in served] == ["a", "b", "c", "a", "b", "a"]
    assert [t for t in served if t.request.member == "a"] == tasks[:3]


def test_a_member_who_comes_late_waits_for_one_round_only() -> None:
    queue = FairQueue()
    for _ in range(10):
        queue.add(make("a"))
    serve(queue)
    queue.add(make("b"))

    assert [serve(queue).request.member for _ in range(3)] == ["a", "b", "a"]


def test_a_member_cannot_gain_turns_by_coming_again_and_again() -> None:
    queue = FairQueue()
    for _ in range(5):
        queue.add(make("a"))
    served = []
    for _ in range(8):
        if not queue.size_of("b"):
            queue.add(make("b"))
        served.append(serve(queue).request.member)

    assert served.count("a") == 4


def test_turns_count_over_all_models() -> None:
    queue = FairQueue()
    for task in (make("a"), make("a", "other"), make("b")):
        queue.add(task)
    serve(queue, "other")

    assert queue.in_order("llama")[0].request.member == "b"


def test_a_task_that_comes_back_has_its_old_place() -> None:
    queue = FairQueue()
    first, second = make("a"), make("a")
    queue.add(second)
    queue.add(first)

    assert queue.in_order("llama") == [first, second]


def test_the_position_of_a_task_that_does_not_wait_yet_is_the_one_it_would_get() -> (
    None
):
    queue = FairQueue()
    for member in "aab":
        queue.add(make(member))
    newcomer = make("c")
    before = queue.position(newcomer)
    queue.add(newcomer)

    assert before == queue.position(newcomer) == 3


def test_an_empty_queue_keeps_nothing() -> None:
    queue = FairQueue()
    task = make("a")
    queue.add(task)
    queue.remove(task)

    assert not task.waiting
    assert (len(queue), queue.size_of("a"), queue.has("llama")) == (0, 0, False)
    assert not queue._lines
    assert not queue._turns
    assert not queue._sizes


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcd"),
            st.sampled_from(["llama", "other"]),
            st.booleans(),
        ),
        max_size=40,
    )
)
def test_positions_agree_with_the_order(steps: list[tuple[str, str, bool]]) -> None:
    queue = FairQueue()
    here: list[Task] = []
    for member, model, takes in steps:
        if takes and queue.has(model):
            here.remove(serve(queue, model))
        else:
            here.append(make(member, model))
            queue.add(here[-1])
        assert len(queue) == len(here)
        for name in ("llama", "other"):
            tasks = queue.in_order(name)
            assert len(tasks) == queue.size_for(name)
            assert [queue.position(task) for task in tasks] == list(
                range(1, len(tasks) + 1)
            )
