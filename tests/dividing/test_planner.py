from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from clubai.dividing.planner import (
    MOST_ANSWER_CHARACTERS,
    MOST_PROMPT_CHARACTERS,
    plan_format,
    planner_messages,
    planner_tokens,
    read_plan,
    repair_messages,
    worth_dividing,
)
from clubai.dividing.subtasks import MESSAGE_TOKENS
from clubai.errors import PlanError

GOOD = {
    "parts": [
        {"id": "1", "prompt": "What does a train to Rome cost?", "needs": []},
        {"id": "2", "prompt": "What does a flight to Rome cost?", "needs": []},
        {"id": "3", "prompt": "Which of them is cheaper?", "needs": ["1", "2"]},
    ]
}
PLAN = json.dumps(GOOD, indent=2)


def plan(*parts: object, **fields: object) -> str:
    return json.dumps({"parts": parts, **fields})


def refused(text: str, *, most: int = 64) -> str:
    with pytest.raises(PlanError) as caught:
        read_plan(text, most=most)
    return caught.value.reason


@pytest.mark.parametrize(
    "text",
    [
        PLAN,
        f"```json\n{PLAN}\n```",
        f"~~~\n{PLAN}\n~~~",
        f"Here is the plan:\n\n```\n{PLAN}\n```\nI hope this is of use.",
        f"<think>Perhaps {{1}}, or {{}}?</think>\n{PLAN}",
        f"Hm, {{x}}.</think>{PLAN}",
        f"<reasoning>{PLAN}</reasoning>```json\n{PLAN}```",
        f"\ufeff{PLAN}\n\n",
    ],
)
def test_whatever_is_around_a_plan(text: str) -> None:
    parts = read_plan(text, most=3)

    assert [(each.id, each.needs) for each in parts] == [
        ("1", ()),
        ("2", ()),
        ("3", ("1", "2")),
    ]
    assert parts[0].prompt == "What does a train to Rome cost?"


def test_numbers_are_ids_too() -> None:
    text = plan({"id": 7, "prompt": " a "}, {"prompt": "b", "needs": [7, "7", " 7"]})

    first, second = read_plan(text, most=64)

    assert (first.id, first.prompt) == ("7", "a")
    assert (second.id, second.needs) == ("2", ("7",))


def test_a_prompt_may_be_long() -> None:
    (part,) = read_plan(
        plan({"id": " x", "prompt": "a" * MOST_PROMPT_CHARACTERS}), most=1
    )

    assert (part.id, len(part.prompt)) == ("x", MOST_PROMPT_CHARACTERS)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "there is no JSON object in the answer"),
        ("I cannot do that.", "there is no JSON object in the answer"),
        ("{", "the plan is not JSON: "),
        ("}{", "the plan is not JSON: "),
        ("[]", "there is no JSON object in the answer"),
        ("<think>{PLAN}</think>", "there is no JSON object in the answer"),
        (PLAN[:-20], "the plan is not JSON: "),
        ("{'parts': []}", "the plan is not JSON: "),
        (f"{PLAN}\n{PLAN}", "the plan is not JSON: "),
        ('{"parts": "\ud800"}', "the plan is not JSON: "),
        ('{"parts": 1e999}', "the plan is not JSON: "),
        ('{"parts": %s}' % ("9" * 5000), "the plan is not JSON: "),
        ("{}", "the plan has another form: Object missing required field `parts`"),
        ('{"parts": {}}', "the plan has another form: Expected `array`"),
        ('{"parts": null}', "the plan has another form: "),
        (plan("a"), "the plan has another form: "),
        (plan({"prompt": 1}), "the plan has another form: "),
        (plan({"prompt": "a", "id": True}), "the plan has another form: "),
        (plan({"prompt": "a", "id": 10**30}), "the plan has another form: "),
        (plan({"prompt": "a", "id": "x" * 65}), "the plan has another form: "),
        (plan({"prompt": "a", "after": "b"}), "contains unknown field `after`"),
        (plan({"prompt": "a"}, note="x"), "contains unknown field `note`"),
        (plan(), "there are no parts"),
        (plan({"prompt": ""}), "part '1' asks nothing"),
        (plan({"prompt": "\n "}), "part '1' asks nothing"),
        (plan({"prompt": "..."}), "part '1' asks nothing"),
        (plan({"prompt": "a", "id": "\x1b"}), "an id that cannot be shown"),
        (plan({"prompt": "a", "needs": ["2"]}), "part '1' needs '2', which is not"),
        (plan({"prompt": "a", "needs": ["1"]}), "in a circle: '1'"),
        (
            plan({"prompt": "a", "needs": [2]}, {"prompt": "b", "needs": [1]}),
            "in a circle: '1', '2'",
        ),
        (plan({"prompt": "a", "id": 1}, {"prompt": "b", "id": "1"}), "the id '1'"),
        (plan({"prompt": "a"}, {"prompt": " a"}), "parts '1' and '2' ask the same"),
        (
            plan({"prompt": "a" * (MOST_PROMPT_CHARACTERS + 1)}),
            "the prompt of part '1' is longer than 8192 characters",
        ),
        ("{" * MOST_ANSWER_CHARACTERS + "}", "longer than 1048576 characters"),
    ],
)
def test_a_plan_that_is_of_no_use(text: str, why: str) -> None:
    reason = refused(text)

    assert why in reason
    assert "\n" not in reason
    assert len(reason) < 400


@pytest.mark.parametrize(
    "text",
    [
        '{"parts":' * 100_000 + "}",
        '{"parts":' + "[" * 100_000 + "}",
        '{"parts":' + "[" * 100_000 + "]" * 100_000 + "}",
    ],
)
def test_a_plan_may_not_be_deep(text: str) -> None:
    assert refused(text) == "the plan is nested too deeply"


def test_too_many_parts_are_not_cut_off() -> None:
    text = plan(*({"prompt": f"ask {n}"} for n in range(500)))

    assert refused(text, most=499) == "the plan has 500 parts, at most 499 can be"
    assert len(read_plan(text, most=500)) == 500


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
IDS: st.SearchStrategy[object] = st.sampled_from(["1", "2", "a", 1, 2, "", "\n"])
ALMOST_PARTS = st.fixed_dictionaries(
    {"prompt": st.sampled_from(["a", "b", "c", "d"]) | VALUES},
    optional={"id": IDS | VALUES, "needs": st.lists(IDS, max_size=2) | VALUES},
)
NEAR_PARTS = st.fixed_dictionaries(
    {"prompt": st.text("abcdefgh", min_size=3)},
    optional={"id": IDS, "needs": st.lists(IDS, max_size=1)},
)
ALMOST_PLANS = st.fixed_dictionaries(
    {
        "parts": st.lists(ALMOST_PARTS, max_size=3)
        | st.lists(NEAR_PARTS, min_size=1, max_size=3)
        | VALUES
    }
)
DUMPS: list[Callable[[Any], str]] = [
    json.dumps,
    lambda value: json.dumps(value, ensure_ascii=False),
    lambda value: f"<think>{value}</think>```json\n{json.dumps(value)}\n```",
    lambda value: json.dumps(value)[:-3],
]


ANSWERS = st.builds(
    lambda dump, value: dump(value), st.sampled_from(DUMPS), ALMOST_PLANS | VALUES
)
TEXTS = st.text(st.characters(exclude_categories=[])) | st.text('{}[]",:1eparts\\')


@given(ANSWERS | TEXTS, st.integers(1, 4))
def test_any_answer_is_a_plan_or_a_plan_error(text: str, most: int) -> None:
    try:
        parts = read_plan(text, most=most)
    except PlanError as error:
        event(error.reason[:24])
        return
    event("a plan")
    assert 1 <= len(parts) <= most
    ids = [each.id for each in parts]
    assert len(set(ids)) == len(ids)
    assert all(set(each.needs) <= set(ids) for each in parts)


def test_what_a_planner_is_asked() -> None:
    system, user = planner_messages("{q}", most=7)

    assert (system["role"], user) == ("system", {"role": "user", "content": "{q}"})
    assert "at most 7" in system["content"]
    shape = system["content"].split("JSON:\n")[1].splitlines()[0]
    assert [*msgspec.json.decode(shape)["parts"][0]] == ["id", "prompt", "needs"]


def test_the_schema_is_strict() -> None:
    asked = plan_format(5)
    assert asked["type"] == "json_schema"
    assert asked["json_schema"]["strict"] is True
    schema = asked["json_schema"]["schema"]
    parts = schema["properties"]["parts"]
    part = parts["items"]

    assert (parts["minItems"], parts["maxItems"]) == (1, 5)
    assert part["properties"]["needs"]["maxItems"] == 4
    for each in (schema, part):
        assert each["additionalProperties"] is False
        assert each["required"] == list(each["properties"])
    assert list(part["properties"]) == ["id", "prompt", "needs"]


def test_one_part_can_need_nothing() -> None:
    schema = plan_format(1)["json_schema"]["schema"]

    needs = schema["properties"]["parts"]["items"]["properties"]["needs"]
    assert needs["maxItems"] == 0


def test_what_a_request_for_a_plan_costs() -> None:
    messages = planner_messages("question", most=3)
    letters = sum(len(each["content"]) for each in messages)

    assert planner_tokens("question", most=3, count=len) == letters + 2 * MESSAGE_TOKENS


def test_a_repair_says_what_was_wrong() -> None:
    *asked, bad, again = repair_messages("q", " {} ", "there are no parts", most=7)

    assert asked == planner_messages("q", most=7)
    assert bad == {"role": "assistant", "content": "{}"}
    assert again["role"] == "user"
    assert "cannot be used: there are no parts." in again["content"]
    assert "at most 7 parts" in again["content"]
    assert '{"parts": [' in again["content"]


def test_a_repair_shows_something_where_nothing_came() -> None:
    assert repair_messages("q", " \n", "why", most=7)[2]["content"] == "(nothing)"


def test_a_repair_is_bounded() -> None:
    messages = repair_messages("q", "x" * 10**6, "y" * 10**6, most=7)

    added = messages[len(planner_messages("q", most=7)) :]
    assert sum(len(each["content"]) for each in added) < 3000
    assert messages[2]["content"].startswith("xxx")
    assert messages[2]["content"].endswith("…")


def test_a_plan_of_one_part_is_the_job_itself() -> None:
    parts = read_plan(PLAN, most=3)

    assert worth_dividing(parts)
    assert not worth_dividing(parts[:1])
