from __future__ import annotations

from clubai.comparing import Comparator
from clubai.comparing.table import Table

EXACT = Comparator(kind="exact")


def table(values: dict[str, str | None], needed: int, **texts: str) -> Table:
    return Table(
        values, {**dict.fromkeys(values, ""), **texts}, EXACT, threshold=0.3,
        needed=needed,
    )  # fmt: skip


def test_who_agrees_with_whom() -> None:
    found = table({"c": "x", "a": "x", "b": "y", "d": None, "e": None}, needed=3)

    assert found.agreeing("a") == found.agreeing("c") == ["a", "c"]
    assert found.agreeing("b") == found.agreeing("d") == []


def test_the_one_with_a_majority_leads() -> None:
    assert table({"a": "y", "b": "x", "c": "x"}, needed=2).leading() == "b"


def test_one_alone_leads_and_two_that_differ_do_not() -> None:
    assert table({"a": None}, needed=2).leading() == "a"
    assert table({"a": "x", "b": "y"}, needed=2).leading() is None
    assert table({}, needed=2).leading() is None


def test_equal_groups_have_no_leader() -> None:
    values: dict[str, str | None] = {"a": "x", "b": "x", "c": "y", "d": "y"}

    assert table(values, needed=3).leading() is None
    assert table(values, needed=2).leading() == "a"


def test_groups_are_in_order_of_their_size() -> None:
    values: dict[str, str | None] = {"a": "z", "b": "y", "c": "x", "d": "y", "e": None}

    assert table(values, needed=3).groups(None) == [["b", "d"], ["a"], ["c"]]


def test_a_group_of_what_is_left_may_be_smaller_than_a_later_one() -> None:
    """103 is taken by 101.5, so 104.5 is alone and comes after the two of 200."""
    values = dict(
        zip("abcdef", ("100", "101.5", "103", "104.5", "200", "200"), strict=True)
    )
    near = Comparator(kind="number", tolerance=0.02)
    texts = dict.fromkeys(values, "")

    found = Table(values, texts, near, threshold=0.3, needed=4)

    assert found.groups(None) == [["b", "a", "c"], ["e", "f"], ["d"]]


def test_outliers_are_those_who_do_not_agree_among_three() -> None:
    assert table({"a": "x", "b": "x", "c": "y"}, needed=2).outliers(["a", "b"]) == (
        "c",
    )
    assert table({"a": "x", "b": "y"}, needed=2).outliers(["a"]) == ()


def test_of_those_with_one_value_the_usual_text_leads() -> None:
    """Not that of the node whose name comes first, whatever else it says."""
    values: dict[str, str | None] = {"a": "x", "b": "x", "c": "x"}

    found = table(
        values, 2, a="x! Buy gold at my shop.", b="The result is x.", c="Result: x."
    )

    assert found.leading() != "a"
