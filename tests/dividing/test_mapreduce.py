from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from clubai.dividing.context import Passage, map_messages, passages
from clubai.dividing.mapreduce import Sizes, plan_of, sizes_of, title_of
from clubai.dividing.options import Dividing, Document, Purpose
from clubai.dividing.plan import Bounds, Plan, in_order
from clubai.dividing.reducing import (
    groups,
    merged,
    note_tokens,
    notes_of,
    reduce_messages,
    reduced_note,
)
from clubai.dividing.templates import tokens_of, usable
from clubai.errors import PlanError
from clubai.splitting import estimate_tokens

QUESTION = "How high is the tower?"


def cut(chunks: int) -> tuple[Passage, ...]:
    """Passages of about two sentences each."""
    text = "The tower is not low at all, and made of stone. " * 2 * chunks
    return passages([Document(text=text)], chunk_tokens=40)


def plan(
    made: Sequence[Passage], of_sizes: Sizes, options: Dividing | None = None
) -> Plan:
    return plan_of(
        made, of_sizes, model="m", question=QUESTION, options=options or Dividing()
    )


def sizes(context: int = 2048, **more: int) -> Sizes:
    return sizes_of(context, question=QUESTION, options=Dividing(), **more)


def run(
    made: Sequence[Passage],
    planned: Plan,
    given_sizes: Sizes,
    options: Dividing,
    answer: Callable[[int], str],
) -> Bounds:
    """Do what a plan comes to with these answers, and say what it took."""
    asked: list[tuple[int, int]] = []

    def ask(messages: list[dict[str, str]], most: int) -> str:
        asked.append((tokens_of(messages, estimate_tokens), most))
        assert asked[-1][0] + most <= given_sizes.usable
        return answer(most)

    answers = {
        passage.number: ask(map_messages(passage, QUESTION, options), step.max_tokens)
        for passage, step in zip(made, planned.steps, strict=False)
    }
    notes = notes_of(made, answers)
    while len(notes) > 1:
        packed = groups(notes, room=given_sizes.room, part_tokens=given_sizes.part)
        assert len(packed) <= -(-len(notes) // 2)
        final = len(packed) == 1
        most = given_sizes.answer if final else given_sizes.part
        notes = merged(
            reduced_note(
                ask(reduce_messages(group, QUESTION, options, final=final), most), group
            )
            for group in packed
        )
    prompts, longest = zip(*asked, strict=True)
    return Bounds(len(asked), sum(prompts), sum(longest))


def test_sizes_fill_the_context() -> None:
    made = sizes(2048)

    assert made.usable == usable(2048)
    assert (made.part, made.answer) == (204, 204)
    assert made.prompt == made.usable - 204
    assert made.prompt - 100 < made.room < made.prompt
    assert made.prompt - 150 < made.chunk < made.prompt


def test_sizes_are_what_the_options_say() -> None:
    options = Dividing(part_tokens=60, chunk_tokens=99)
    made = sizes_of(2048, question=QUESTION, options=options, answer_tokens=300)

    assert (made.chunk, made.part, made.answer) == (99, 60, 300)
    assert made.prompt == made.usable - 300


def test_a_system_text_takes_its_room() -> None:
    system = "Answer as a pirate of the northern harbours would. " * 10
    made = sizes_of(2048, question=QUESTION, options=Dividing(), system=system)

    more = estimate_tokens(system) - estimate_tokens("Answer in a few short sentences.")
    assert sizes().chunk - made.chunk == more
    assert sizes().room - made.room == more


def test_a_system_text_is_in_the_prompts_that_are_counted() -> None:
    made = cut(2)
    plain = plan(made, sizes()).bounds.prompt_tokens
    system = "Answer as a pirate of the northern harbours would."
    told = plan_of(
        made,
        sizes(),
        model="m",
        question=QUESTION,
        options=Dividing(),
        system=system,
    ).bounds.prompt_tokens

    more = estimate_tokens(system) - estimate_tokens("Answer in a few short sentences.")
    assert told - plain == 2 * more


def test_an_answer_is_planned_to_leave_room_for_notes() -> None:
    assert sizes(2048, answer_tokens=100_000).answer == 512


@pytest.mark.parametrize("purpose", ["answer", "summarise"])
def test_a_small_context_is_enough(purpose: Purpose) -> None:
    options = Dividing(cite=True, purpose=purpose)
    small = sizes_of(512, question=QUESTION, options=options)

    assert plan(cut(9), small, options).bounds.requests > 9


def test_notes_have_room_whether_the_answer_is_final_or_not() -> None:
    options = Dividing(cite=True)
    made = sizes_of(1024, question=QUESTION, options=options)

    for final in (False, True):
        empty = reduce_messages([], QUESTION, options, final=final)
        assert tokens_of(empty, estimate_tokens) + made.room <= made.prompt


def test_a_lone_passage_is_one_step_with_the_final_answer() -> None:
    (passage,) = passages([Document(text="Low.", name="a.md")], chunk_tokens=99)
    made = plan((passage,), sizes(2048, answer_tokens=300))

    (step,) = made.steps
    assert (step.id, step.kind, step.title) == ("map-1", "map", "a.md")
    assert step.prompt_tokens == tokens_of(
        map_messages(passage, QUESTION, Dividing()), estimate_tokens
    )
    assert step.max_tokens == 300
    assert not step.perhaps


def test_the_answer_about_a_lone_long_passage_fits_the_context() -> None:
    given_sizes = sizes(2048, answer_tokens=500)
    text = "The tower is not low. " * 1000
    long = passages([Document(text=text)], chunk_tokens=given_sizes.chunk)[:1]
    (step,) = plan(long, given_sizes).steps

    assert step.prompt_tokens + step.max_tokens <= given_sizes.usable
    assert given_sizes.part <= step.max_tokens < 300


def test_few_passages_are_merged_at_once() -> None:
    made = plan(cut(4), sizes())

    assert [step.id for step in made.steps] == [
        *(f"map-{number}" for number in range(1, 5)),
        "merge",
    ]
    assert made.steps[-1].needs == ("map-1", "map-2", "map-3", "map-4")
    assert (made.mode, made.model, made.width, made.depth) == ("context", "m", 4, 2)


def test_many_passages_are_reduced_in_levels() -> None:
    given_sizes = msgspec.structs.replace(sizes(), room=3 * note_tokens(204))
    made = plan(cut(10), given_sizes)

    assert {step.id: len(step.needs) for step in made.steps[10:]} == {
        "reduce-1-1": 2,
        "reduce-1-2": 3,
        "reduce-1-3": 2,
        "reduce-1-4": 3,
        "reduce-2-1": 2,
        "reduce-2-2": 2,
        "merge": 2,
    }
    assert [step.kind for step in made.steps[10:]] == ["reduce"] * 6 + ["merge"]
    assert [step.perhaps for step in made.steps] == [False] * 10 + [True] * 7
    assert made.depth == 4
    assert in_order(made.steps) == made.steps


def test_bounds_are_of_answers_at_their_longest() -> None:
    made = plan(cut(4), sizes())
    maps = sum(step.prompt_tokens for step in made.steps[:4])

    assert made.bounds == Bounds(5, maps + sizes().prompt, 4 * 204 + 204)


def test_answers_that_are_too_long_to_be_reduced_are_refused() -> None:
    options = Dividing(part_tokens=900)
    given_sizes = sizes_of(2048, question=QUESTION, options=options)

    with pytest.raises(PlanError, match="shorter answers than 900 tokens"):
        plan(cut(3), given_sizes, options)
    assert len(plan(cut(1), given_sizes, options).steps) == 1


def test_nothing_to_read_is_refused() -> None:
    with pytest.raises(PlanError, match="there is nothing to ask about"):
        plan((), sizes())


def test_a_question_without_room_is_refused() -> None:
    with pytest.raises(PlanError, match="leaves 0 for a chunk"):
        sizes_of(512, question="why " * 500, options=Dividing())


def test_steps_say_where_their_passage_is_from() -> None:
    made = passages(
        [Document(text="# One\n\nx", name="a.md"), Document(text="y", name="b.txt")],
        chunk_tokens=99,
    )

    assert [title_of(passage) for passage in made] == ["a.md: One", "b.txt"]
    assert title_of(cut(1)[0]) == "passage 1"


@given(
    chunks=st.integers(1, 40),
    context=st.sampled_from([512, 600, 1024, 2048]),
    part_tokens=st.sampled_from([0, 16, 40]),
    cite=st.booleans(),
    data=st.data(),
)
def test_bounds_hold_whatever_the_answers_are(
    chunks: int, context: int, part_tokens: int, cite: bool, data: st.DataObject
) -> None:
    options = Dividing(part_tokens=part_tokens, cite=cite)
    made = cut(chunks)
    given_sizes = sizes_of(context, question=QUESTION, options=options)
    longest = data.draw(st.sampled_from([0.3, 1.0, 4.0]), label="longest")
    random = data.draw(st.randoms(use_true_random=False))

    def answer(most: int) -> str:
        if random.random() < 0.2:
            return random.choice(["NONE", "", "It is 34 m.", "it is 34 m"])
        words = random.randint(0, int(most * longest))
        return " ".join(
            random.choice(["high", "34", "tower.", "[3]", "[999]", "漢字"])
            for _ in range(words)
        )

    planned = plan(made, given_sizes, options)
    took = run(made, planned, given_sizes, options, answer)

    bounds = planned.bounds
    event(f"levels asked: {took.requests > len(made) + 1}")
    assert took.requests <= bounds.requests
    assert took.prompt_tokens <= bounds.prompt_tokens
    assert took.completion_tokens <= bounds.completion_tokens


def test_the_longest_answers_take_all_requests_of_the_plan() -> None:
    given_sizes = sizes(512)
    made = cut(64)
    number = iter(range(1000))

    def answer(most: int) -> str:
        return f"{next(number)} " + "The tower is high. " * most

    planned = plan(made, given_sizes)
    took = run(made, planned, given_sizes, Dividing(), answer)

    assert took.requests == planned.bounds.requests
