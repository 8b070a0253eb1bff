from __future__ import annotations

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from clubai.dividing.structure import Listed, lists_in


def only(prompt: str) -> Listed:
    (listed,) = lists_in(prompt)
    return listed


@pytest.mark.parametrize(
    "prompt",
    [
        "- a\n- b",
        "* a\n* b",
        "+ a\n+ b",
        "• a\n• b",
        "1. a\n2. b",
        "1) a\n2) b",
        "(1) a\n(2) b",
        "a) a\nb) b",
        "(A) a\n(B) b",
        "0. a\n1. b",
        "1. a\n1. b",
        " 9. a\n10. b",
        "  - a\n  - b",
        "-\ta\n-\tb",
        "- a\n\n- b",
        "-  a\n- b",
        "1.  a\n2. b",
        "a) a\na) b",
        "- a\r\n- b\r\n",
    ],
)
def test_markers(prompt: str) -> None:
    assert only(prompt).items == ("a", "b")


@pytest.mark.parametrize(
    "prompt",
    [
        "- a",
        "a\nb",
        "-a\n-b",
        "1.5 a\n2.5 b",
        "1984. a\n1985. b",
        "1. a\n3. b",
        "2. a\n1. b",
        "a. a\nb. b",
        "a) a\nB) b",
        "a) a\n2) b",
        "b) a\nb) b",
        "2. a\n2. b",
        "  - a\n- b",
        "```\n```x\n- a\n- b\n```",
        "1. a\n2) b",
        "- a\n\n* b",
        "- - -\n* * *\n- - -",
        "    - a\n    - b",
        "```\n- a\n- b\n```",
        "~~~ text\n- a\n- b",
        "````\n```\n- a\n- b\n````",
        "> - a\n> - b",
        "First, do a. Second, do b.",
        "- a\n\nText.\n\n- b",
    ],
)
def test_no_list(prompt: str) -> None:
    assert lists_in(prompt) == []


@pytest.mark.parametrize(
    ("prompt", "items"),
    [
        ("1. a\n2. b\n3. c", ("a", "b", "c")),
        ("- a\nmore\n- b", ("a\nmore", "b")),
        ("- a\n\n  more\n- b", ("a\n\n  more", "b")),
        ("- a\n- b\n\n  more", ("a", "b\n\n  more")),
        ("- a\n\n  - x\n  - y\n- b", ("a\n\n  - x\n  - y", "b")),
        ("1. a:\n\nx\n\n2. b\n- c\n- d", ("a:\n\nx", "b\n- c\n- d")),
        ("- a\n```\n\nx\n```\n- b", ("a\n```\n\nx\n```", "b")),
        ("- a\n- b\n```\n\nx\n```", ("a", "b\n```\n\nx\n```")),
        ("- a\n- b\n```\nSo.\nx\n```", ("a", "b\n```\nSo.\nx\n```")),
        ("- a?\n- b?\na) x", ("a?", "b?\na) x")),
    ],
)
def test_what_belongs_to_an_item(prompt: str, items: tuple[str, ...]) -> None:
    assert only(prompt).items == items


def test_text_on_both_sides() -> None:
    prompt = "Hi.\n\nDo:\n1. a\n2. b\n\nThanks.\n"

    assert only(prompt) == Listed("Hi.\n\nDo:\n", ("a", "b"), "Thanks.\n")


def test_what_is_nested_stays_with_its_item() -> None:
    prompt = "1. a\n   - x\n   - y\n\n   more\n2. b\n  1. z\n  2. w"

    assert only(prompt).items == ("a\n   - x\n   - y\n\n   more", "b\n  1. z\n  2. w")


def test_another_marker_right_below_belongs_to_the_item() -> None:
    assert only("1. a?\n- x\n- y\n2. b?\n- z").items == ("a?\n- x\n- y", "b?\n- z")


def test_code_stays_with_its_item() -> None:
    prompt = "1. Explain:\n```\n2. x\n\n- y\n```\n2. What is this?\n```\nz\n```"

    assert only(prompt).items == (
        "Explain:\n```\n2. x\n\n- y\n```",
        "What is this?\n```\nz\n```",
    )


def test_backticks_within_a_line_open_no_code() -> None:
    assert only("```x``` is code.\n- a\n- b").items == ("a", "b")


def test_a_sentence_below_the_last_item_is_behind_the_list() -> None:
    listed = only("1. What is a?\n2. What is\nb?\nBe brief.")

    assert listed.items == ("What is a?", "What is\nb?")
    assert listed.after == "Be brief."


def test_a_numbered_list_goes_on_behind_text() -> None:
    assert only("1. a:\n\n```\nx\n```\n\n2. b").items == ("a:\n\n```\nx\n```", "b")


def test_text_that_may_be_of_the_last_item_leaves_no_list() -> None:
    assert lists_in("1. a:\n\nx\n\n2. b:\n\ny") == []


@pytest.mark.parametrize("between", ["\n", "\nThen:\n", "\nThen:\n\n"])
def test_lists_of_two_kinds(between: str) -> None:
    first, second = lists_in(f"- a\n- b\n{between}1. c\n2. d")

    assert (first.items, second.items) == (("a", "b"), ("c", "d"))
    assert first.after == between.lstrip() + "1. c\n2. d"


def test_two_lists() -> None:
    first, second = lists_in("- a\n- b\n\nThen:\n\n- c\n- d")

    assert (first.items, second.items) == (("a", "b"), ("c", "d"))
    assert first.after == "Then:\n\n- c\n- d"
    assert second.before == "- a\n- b\n\nThen:\n\n"


ITEM = st.lists(
    st.sampled_from(["a", "b?", "  - c", "   d", "", "```", "* e", "f. G", "  1. h"]),
    min_size=1,
    max_size=4,
).map("\n".join)


def marked(style: str, items: list[str]) -> str:
    return "\n".join(style.format(n) + item for n, item in enumerate(items, start=1))


BLOCKS = st.one_of(
    st.builds(
        marked,
        st.sampled_from(["- ", "* ", "{}. ", "{}) ", "({}) ", "  + ", " {}. ", "1. "]),
        st.lists(ITEM, min_size=1, max_size=4),
    ),
    st.sampled_from(["Text.", "text:", "", "~~~", "- - -", "    1. code"]),
)


@given(st.lists(BLOCKS).map("\n".join) | st.text("-*1.2)a \n`"))
def test_whatever_is_read_nothing_is_lost(prompt: str) -> None:
    lists = lists_in(prompt)

    event(f"{len(lists)} lists")
    for listed in lists:
        assert prompt.startswith(listed.before)
        assert prompt.endswith(listed.after)
        inside = prompt[len(listed.before) : len(prompt) - len(listed.after)]
        for item in listed.items:
            marker, found, inside = inside.partition(item)
            assert found == item != ""
            assert len(marker.split()) == 1
        assert inside.strip() == ""
