from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.dividing import subtasks
from clubai.dividing.options import Merge, Part
from clubai.dividing.plan import Bounds
from clubai.dividing.subtasks import (
    MESSAGE_TOKENS,
    MISSING,
    MOST_NEEDS,
    SEAM_TOKENS,
    Count,
    NamedPart,
    concat,
    found,
    merge_messages,
    merge_tokens,
    part_prompt,
    plan_of,
    prompt_tokens,
)
from clubai.errors import PlanError

CAPITALS = """\
Answer in one short sentence.

1. What is the capital of France?
2. What is the capital of Japan?
   - Say it in Japanese, too.

Thank you!
"""


def part(name: str, *needs: str, prompt: str = "") -> NamedPart:
    return NamedPart(id=name, prompt=prompt or f"ask {name}", title=name, needs=needs)


def text_of(messages: list[dict[str, str]]) -> str:
    return "\n".join(each["content"] for each in messages)


def words(text: str) -> int:
    return len(re.findall(r"\w+|[^\w\s]", text))


COUNTS: list[Count] = [
    len,
    words,
    lambda text: len(text.encode()) // 4,
    lambda text: math.ceil(len(text) / 3),
    lambda text: len(text.split()),
]

# Given by the caller


def test_parts_without_an_id_have_their_number() -> None:
    named = subtasks.given(
        [
            Part(prompt="Find a  hotel\nin Rome."),
            Part(id="b", prompt="x", needs=("3", "1", "3")),
            Part(prompt="y"),
        ]
    )

    assert [(each.id, each.needs) for each in named] == [
        ("1", ()),
        ("b", ("3", "1")),
        ("3", ()),
    ]
    assert named[0].prompt == "Find a  hotel\nin Rome."
    assert named[0].title == "Find a hotel in Rome."


def test_a_title_is_short_and_can_be_shown() -> None:
    (named,) = subtasks.given([Part(prompt=" " * 999 + "\x1b[2J" + "long words " * 50)])

    assert named.title.startswith("?[2Jlong words")
    assert named.title.endswith("…")
    assert len(named.title) <= 60


@pytest.mark.parametrize(("length", "shown"), [(60, 60), (61, 60), (200, 60)])
def test_a_title_is_cut_where_it_must_be(length: int, shown: int) -> None:
    (named,) = subtasks.given([Part(prompt="x" * length)])

    assert len(named.title) == shown
    assert named.title.endswith("…") is (length > 60)


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ([], "there are no parts"),
        ([Part(prompt=" \n")], "part '1' asks nothing"),
        ([Part(prompt="x", id="2"), Part(prompt="y")], "two parts have the id '2'"),
        ([Part(prompt="x", id=" a")], "part 1 has an id that cannot be shown"),
        ([Part(prompt="x", id="a\nb")], "part 1 has an id that cannot be shown"),
        ([Part(prompt="x", needs=("z",))], "part '1' needs 'z', which is not there"),
        ([Part(prompt="x", needs=("1",))], "in a circle: '1'"),
        (
            [Part(prompt="x", needs=tuple(str(n) for n in range(MOST_NEEDS + 1)))],
            "parts need 4097 answers in all",
        ),
    ],
)
def test_parts_that_cannot_be_asked(parts: list[Part], why: str) -> None:
    with pytest.raises(PlanError, match=why):
        subtasks.given(parts)


# Found in the prompt


def test_a_found_part_stands_alone() -> None:
    divided = found(CAPITALS)

    assert divided is not None
    assert divided.preamble == "Answer in one short sentence."
    assert divided.closing == "Thank you!"
    assert [each.id for each in divided.parts] == ["1", "2"]
    assert divided.parts[1].prompt == (
        "Answer in one short sentence.\n\n"
        "What is the capital of Japan?\n   - Say it in Japanese, too.\n\n"
        "Thank you!"
    )
    assert divided.parts[0].title == "What is the capital of France?"


def test_without_text_around_it_a_part_is_the_item() -> None:
    divided = found("- Who is he?\n- Who is she?")

    assert divided is not None
    assert [each.prompt for each in divided.parts] == ["Who is he?", "Who is she?"]


def test_nothing_to_divide() -> None:
    assert found("What is the capital of France?") is None


ITEMS = st.lists(
    st.tuples(
        st.sampled_from(["What is {}?", "Explain {}.", "**Why {}?**", "Write {}"]),
        st.lists(st.sampled_from(["   - nested", "   more", "   ```", "\twhy?", ""])),
    ),
    min_size=2,
    max_size=12,
)


@given(
    ITEMS,
    st.sampled_from(["{}. ", "{}) ", "({}) ", "- ", "* "]),
    st.sampled_from(["", "Answer the following questions:\n", "Be brief.\n\n"]),
    st.sampled_from(["", "\n\nThanks!", "\n\nKeep it short.\n"]),
)
def test_every_item_is_in_one_part(
    items: list[tuple[str, list[str]]], marker: str, before: str, after: str
) -> None:
    written = [
        "\n".join([asks.format(f"thing{n}x"), *nested]).rstrip()
        for n, (asks, nested) in enumerate(items)
        if nested.count("   ```") % 2 == 0
    ]
    lines = [marker.format(n) + item for n, item in enumerate(written, start=1)]
    divided = found(before + "\n".join(lines) + after)

    if len(written) < 2:
        assert divided is None
        return
    assert divided is not None
    for number, each in enumerate(divided.parts):
        assert each.prompt.startswith(before.strip())
        assert each.prompt.endswith(after.strip())
        assert written[number] in each.prompt
        others = (f"thing{n}x" for n in range(len(items)))
        assert sum(other in each.prompt for other in others) == 1


# Asking with answers


def test_a_part_is_given_what_it_needs() -> None:
    asked = part_prompt(part("c", "a", "b"), {"b": None, "a": "rain", "x": "sun"})

    assert asked == (
        f"Use these answers:\n\nPart a:\nrain\n\nPart b:\n{MISSING}\n\nask c"
    )


def test_a_part_that_needs_nothing_is_asked_as_it_is() -> None:
    assert part_prompt(part("a", prompt="{x}"), {"b": "rain"}) == "{x}"


def test_answers_one_after_the_other() -> None:
    parts = [part("a"), part("b"), part("c")]

    assert concat(parts, {"c": "sun", "a": "{rain}"}) == (
        f"### a: a\n\n{{rain}}\n\n### b: b\n\n{MISSING}\n\n### c: c\n\nsun"
    )


def test_a_model_merges_all_answers() -> None:
    system, user = merge_messages("{q}?", [part("a"), part("b")], {"a": "r", "b": "s"})

    assert (system["role"], user["role"]) == ("system", "user")
    assert "no answer" not in system["content"]
    assert user["content"] == (
        "Question:\n{q}?\n\nPut these answers together into one text:\n\n"
        "Part a:\nr\n\nPart b:\ns"
    )


def test_a_merge_names_what_is_missing() -> None:
    system, user = merge_messages("q", [part("a"), part("b")], {"a": "rain"})

    assert "Say which parts have no answer." in system["content"]
    assert f"Part b:\n{MISSING}" in user["content"]


NAMES = st.text("abcdefgh", min_size=1, max_size=3)
ANSWERS = st.dictionaries(NAMES, st.none() | st.text(), min_size=1, max_size=8)


@given(ANSWERS, st.data())
def test_the_order_of_a_mapping_does_not_matter(
    answers: dict[str, str | None], data: st.DataObject
) -> None:
    parts = [part(name) for name in answers]
    needing = part("all", *answers)
    other = dict(data.draw(st.permutations(list(answers.items()))))

    assert concat(parts, answers) == concat(parts, other)
    assert merge_messages("q", parts, answers) == merge_messages("q", parts, other)
    assert part_prompt(needing, answers) == part_prompt(needing, other)


@given(ANSWERS)
def test_no_answer_is_lost(answers: dict[str, str | None]) -> None:
    parts = [part(name) for name in answers]

    for text in (
        concat(parts, answers),
        text_of(merge_messages("q", parts, answers)),
        part_prompt(part("all", *answers), answers),
    ):
        for name, answer in answers.items():
            assert re.search(rf"(?:### |Part ){name}:", text)
            assert (MISSING if answer is None else answer) in text
        assert text.count(MISSING) >= list(answers.values()).count(None)


# The plan


def test_the_plan_of_parts() -> None:
    parts = [part("b", "a"), part("a")]
    plan = plan_of(
        "q", parts, model="m", merge="model", count=len, part_tokens=9, note="why"
    )

    assert (plan.mode, plan.model, plan.note) == ("subtasks", "m", "why")
    assert [(step.id, step.kind, step.needs) for step in plan.steps] == [
        ("a", "part", ()),
        ("b", "part", ("a",)),
        ("merge", "merge", ("b", "a")),
    ]
    assert [step.max_tokens for step in plan.steps] == [9, 9, 0]
    assert [step.title for step in plan.steps][:2] == ["a", "b"]
    assert plan.steps[0].prompt_tokens == len("ask a") + MESSAGE_TOKENS


def test_what_goes_along_is_counted_for_every_part() -> None:
    def bounds(context_tokens: int) -> Bounds:
        return plan_of(
            "q",
            [part("a"), part("b", "a")],
            model="m",
            merge="model",
            count=len,
            part_tokens=9,
            answer_tokens=5,
            context_tokens=context_tokens,
        ).bounds

    alone, along = bounds(0), bounds(100)

    assert along.prompt_tokens == alone.prompt_tokens + 200
    assert alone.completion_tokens == along.completion_tokens == 2 * 9 + 5


@pytest.mark.parametrize(
    ("merge", "names", "steps"),
    [
        ("model", ["a"], 1),
        ("model", ["a", "b"], 3),
        ("concat", ["a", "b"], 2),
        ("none", ["a", "b"], 2),
    ],
)
def test_only_a_merge_by_a_model_is_a_step(
    merge: Merge, names: list[str], steps: int
) -> None:
    plan = plan_of(
        "q", [*map(part, names)], model="m", merge=merge, count=len, part_tokens=9
    )

    assert plan.bounds.requests == steps


def test_a_part_may_be_called_merge() -> None:
    parts = [part("merge"), part("merge+")]
    plan = plan_of("q", parts, model="m", merge="model", count=len, part_tokens=9)

    assert [step.id for step in plan.steps] == ["merge", "merge+", "merge++"]


def test_a_circle_has_no_plan() -> None:
    with pytest.raises(PlanError, match="in a circle"):
        plan_of(
            "q", [part("a", "a")], model="m", merge="none", count=len, part_tokens=9
        )


def test_a_count_may_add_something_where_texts_meet() -> None:
    def joints(text: str) -> int:
        return SEAM_TOKENS * (text.count(":\nz") + text.count("z\n") + text.count("zP"))

    parts = [part("a"), part("b"), part("c", "a", "b")]
    answers = {"a": "z", "b": "z", "c": "z"}
    plan = plan_of("q", parts, model="m", merge="model", count=joints, part_tokens=0)

    asked = [{"role": "user", "content": part_prompt(parts[2], answers)}]
    merged = merge_messages("q", parts, answers)
    assert joints(asked[0]["content"]) == 4 * SEAM_TOKENS
    assert prompt_tokens(asked, joints) <= plan.steps[2].prompt_tokens
    assert prompt_tokens(merged, joints) <= plan.steps[3].prompt_tokens


@given(st.data(), st.sampled_from(COUNTS), st.integers(0, 5))
def test_a_prompt_is_never_longer_than_planned(
    data: st.DataObject, count: Count, part_tokens: int
) -> None:
    size = data.draw(st.integers(1, 6))
    parts = [
        part(
            str(n),
            *(str(m) for m in data.draw(st.sets(st.integers(0, n - 1)) if n else NONE)),
            prompt=data.draw(st.text(min_size=1)),
        )
        for n in range(size)
    ]
    question = data.draw(st.text())
    answers = {each.id: data.draw(st.none() | st.text()) for each in parts}
    part_tokens = max(part_tokens, *(count(each or "") for each in answers.values()), 0)

    plan = plan_of(
        question,
        parts,
        model="m",
        merge="model",
        count=count,
        part_tokens=part_tokens,
        answer_tokens=7,
    )

    by_id = {step.id: step for step in plan.steps}
    for each in parts:
        asked = [{"role": "user", "content": part_prompt(each, answers)}]
        assert prompt_tokens(asked, count) <= by_id[each.id].prompt_tokens
    merged = prompt_tokens(merge_messages(question, parts, answers), count)
    assert merged <= merge_tokens(question, parts, count=count, part_tokens=part_tokens)
    if size > 1:
        assert merged <= by_id["merge"].prompt_tokens


NONE: st.SearchStrategy[set[int]] = st.just(set())
