from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.core.commands import FailTask, OfferTask, ReleaseTags
from clubai.core.events import ClientLeft
from clubai.core.tags import MAX_GROUP, TagGroups
from clubai.model import AnswerTag, FailCode
from support.scene import Scene, all_of, node_id, only, task_id

GROUP = b"g" * 16


def scene(nodes: str = "abc") -> Scene:
    scene = Scene()
    for name in nodes:
        scene.join(name)
    return scene


def ask(scene: Scene, name: str, size: int, **fields: object) -> str:
    """Ask as a part of the group; the node that takes it."""
    offer = only(OfferTask, scene.ask(name, group=GROUP, group_size=size, **fields))
    return offer.node_name


def finish(scene: Scene, node: str, name: str) -> list[ReleaseTags]:
    tags = {"eq": name.encode() * 32, "sketch": name.encode() * 128}
    return all_of(ReleaseTags, scene.finish(node, name, **tags))


def tag(node: str, name: str) -> AnswerTag:
    return AnswerTag(
        task=task_id(name),
        node=node_id(node),
        eq=name.encode() * 32,
        sketch=name.encode() * 128,
    )


def test_no_tag_leaves_before_the_last_answer_is_in() -> None:
    club = scene()
    nodes = {name: ask(club, name, 3) for name in "xyz"}
    assert finish(club, nodes["y"], "y") == []
    assert finish(club, nodes["x"], "x") == []
    (released,) = finish(club, nodes["z"], "z")

    assert (released.client, released.group, released.missing) == (1, GROUP, 0)
    assert released.tags == tuple(tag(nodes[name], name) for name in "yxz")


def test_a_task_that_failed_is_missing_and_holds_nobody_up() -> None:
    club = scene()
    nodes = {name: ask(club, name, 2) for name in "xy"}
    assert finish(club, nodes["x"], "x") == []
    commands = club.fail(nodes["y"], "y", FailCode.BAD_REQUEST)
    released = only(ReleaseTags, commands)

    assert (len(released.tags), released.missing) == (1, 1)
    assert only(FailTask, commands).code is FailCode.BAD_REQUEST


def test_a_task_that_is_tried_elsewhere_is_still_to_come() -> None:
    club = scene()
    nodes = {name: ask(club, name, 2) for name in "xy"}
    finish(club, nodes["x"], "x")
    retry = only(OfferTask, club.fail(nodes["y"], "y"))
    tags = {"eq": b"y" * 32, "sketch": b"y" * 128}
    commands = club.finish(retry.node_name, "y", attempt=1, **tags)

    assert only(ReleaseTags, commands).tags[1].node == node_id(retry.node_name)


def test_a_group_that_never_fills_is_released_when_its_time_is_over() -> None:
    club = scene()
    node = ask(club, "x", 2, deadline_s=30.0)
    finish(club, node, "x")
    assert all_of(ReleaseTags, club.wait(29.0)) == []
    released = only(ReleaseTags, club.wait(2.0))

    assert (released.tags, released.missing) == ((tag(node, "x"),), 1)


def test_what_comes_after_the_release_is_compared_with_nothing() -> None:
    club = scene()
    node = ask(club, "x", 2, deadline_s=600.0)
    slow = ask(club, "y", 2, deadline_s=600.0)
    finish(club, node, "x")
    club.wait(601.0)
    assert finish(club, slow, "y") == []


def test_a_client_that_goes_takes_its_group_with_it() -> None:
    club = scene()
    ask(club, "x", 2)
    ask(club, "y", 2)
    assert all_of(ReleaseTags, club.tell(ClientLeft(client=1))) == []  # type: ignore[arg-type]
    assert all_of(ReleaseTags, club.wait(1000.0)) == []


def test_two_clients_do_not_share_a_group() -> None:
    club = scene("ab")
    first = ask(club, "x", 2, client=1)
    ask(club, "y", 2, client=2)
    assert finish(club, first, "x") == []


def refusal(club: Scene, name: str, size: int) -> FailTask:
    return only(FailTask, club.ask(name, group=GROUP, group_size=size))


def test_a_group_has_one_size_and_no_more_tasks() -> None:
    club = scene()
    for size in (0, 1, MAX_GROUP + 1):
        assert refusal(club, f"s{size}", size).code is FailCode.BAD_REQUEST
    node = ask(club, "x", 2)
    assert refusal(club, "other", 3).code is FailCode.BAD_REQUEST
    ask(club, "y", 2)
    assert refusal(club, "third", 2).code is FailCode.BAD_REQUEST
    assert finish(club, node, "x") == [], "a refused task counts for nothing"


def test_a_task_that_was_never_in_the_group_does_not_end_it() -> None:
    club = scene("ab")
    nodes = {name: ask(club, name, 2) for name in "xy"}
    for name, size in (("larger", 3), ("third", 2)):
        commands = club.ask(name, group=GROUP, group_size=size)
        assert only(FailTask, commands).code is FailCode.BAD_REQUEST
        assert all_of(ReleaseTags, commands) == []
    assert finish(club, nodes["x"], "x") == []
    (released,) = finish(club, nodes["y"], "y")

    assert (len(released.tags), released.missing) == (2, 0)


def test_so_many_groups_may_be_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clubai.core.tags.MAX_GROUPS", 1)
    club = scene("ab")
    node = ask(club, "x", 2)
    other = {"group": b"h" * 16, "group_size": 2}
    assert only(FailTask, club.ask("o", **other)).code is FailCode.RATE_LIMITED
    finish(club, node, "x")
    finish(club, ask(club, "y", 2), "y")
    assert only(OfferTask, club.ask("p", **other))


def test_tasks_without_a_group_have_no_tags() -> None:
    club = scene("a")
    club.ask("x")
    assert all_of(ReleaseTags, club.finish("a", "x")) == []
    assert len(TagGroups()) == 0


@given(st.permutations("vwxyz"), st.sets(st.sampled_from("vwxyz")))
def test_whatever_the_order_all_are_told_once_and_last(
    order: list[str], failing: set[str]
) -> None:
    club = scene("abcde")
    nodes = {name: ask(club, name, 5) for name in "vwxyz"}
    released: list[ReleaseTags] = []
    for number, name in enumerate(order):
        if name in failing:
            commands = club.fail(nodes[name], name, FailCode.BAD_REQUEST)
            released += all_of(ReleaseTags, commands)
        else:
            released += finish(club, nodes[name], name)
        assert len(released) == (number == 4)
    assert {each.task for each in released[0].tags} == {
        task_id(name) for name in "vwxyz" if name not in failing
    }
    assert released[0].missing == len(failing)
