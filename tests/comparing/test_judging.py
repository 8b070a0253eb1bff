from __future__ import annotations

from itertools import permutations
from math import comb

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from clubai.comparing import Candidate, Comparator, Judgement, judge, majority
from comparing.planted import OPEN, Planted

NUMBER = Comparator(kind="number")
TEXT = Comparator()
SKY, SAVING = OPEN[0], OPEN[1]
REFUSAL = "I cannot help with that."

VALUES = st.sampled_from(["1", "1.0", "2", "3", "none of them"])
CANDIDATES = st.lists(
    st.builds(
        Candidate,
        label=st.uuids().map(str),
        text=VALUES
        | st.sampled_from([*SKY.honest, *SAVING.honest[:2], REFUSAL, "", "Words."]),
        finish_reason=st.sampled_from(["stop", "stop", "stop", "length"]),
        comparable=st.sampled_from([True, True, True, False]),
    ),
    max_size=6,
    unique_by=lambda candidate: candidate.label,
)
AGREEING = st.lists(
    st.builds(
        Candidate,
        label=st.uuids().map(str),
        text=st.sampled_from(["1", "1", "1.0", SKY.honest[0], SKY.honest[1]]),
    ),
    min_size=2,
    max_size=6,
    unique_by=lambda candidate: candidate.label,
)
COMPARATORS = st.sampled_from([NUMBER, TEXT, Comparator(kind="exact")])


def answers(*texts: str, **fields: object) -> list[Candidate]:
    """Candidates labelled a, b, c, ..."""
    return [
        Candidate(label=label, text=text, **fields)  # type: ignore[arg-type]
        for label, text in zip("abcdefghi", texts, strict=False)
    ]


def numbers(*texts: str, replicas: int = 0) -> Judgement:
    return judge(answers(*texts), NUMBER, replicas=replicas)


# values


def test_the_value_of_more_than_half_is_chosen() -> None:
    judgement = numbers("7", "It is 8.", "It is 8.0.")

    assert judgement.chosen == "b"
    assert judgement.text == "It is 8."
    assert (judgement.quorum, judgement.settled) == (True, True)
    assert judgement.agreement == pytest.approx(2 / 3)
    assert judgement.reason == "majority"
    assert judgement.supporters == ("b", "c")
    assert judgement.dissent == judgement.outliers == ("a",)
    assert [(vote.value, vote.labels) for vote in judgement.votes] == [
        ("8", ("b", "c")),
        ("7", ("a",)),
    ]
    assert [(each.label, each.similarity) for each in judgement.similarities] == [
        ("a", 0),
        ("c", 1),
    ]


@pytest.mark.parametrize(
    ("texts", "reason", "leading"),
    [
        (["7"], "too_few", "a"),
        ([], "too_few", None),
        (["7", "8"], "none_alike", None),
        (["7", "8", "9"], "none_alike", None),
        (["7", "7", "8", "8"], "tie", None),
        (["7", "7", "8", "9"], "no_majority", "a"),
        (["7", "7", "8", "8", "9"], "tie", None),
        (["who", "knows"], "no_value", None),
    ],
)
def test_without_a_majority_nothing_is_chosen(
    texts: list[str], reason: str, leading: str | None
) -> None:
    judgement = numbers(*texts)

    assert (judgement.chosen, judgement.text) == (None, "")
    assert (judgement.quorum, judgement.settled) == (False, False)
    assert (judgement.reason, judgement.leading) == (reason, leading)
    assert judgement.outliers == ()


def test_answers_without_a_value_do_not_agree_and_count() -> None:
    assert numbers("7", "7", "who", "knows").reason == "no_majority"
    assert numbers("who", "knows", "7", "7", "7").chosen == "c"


def test_numbers_within_the_tolerance_agree_with_the_middle_one() -> None:
    """Not with each other by way of it: no chain leads from 100 to 104."""
    near = Comparator(kind="number", tolerance=0.02)

    judgement = judge(answers("100", "102", "104"), near)
    chain = judge(answers("100", "101.9", "103.9", "105.9", "107.9"), near)

    assert judgement.chosen == "b"
    assert judgement.supporters == ("a", "b", "c")
    assert chain.supporters == ("b", "c", "d") or chain.supporters == ("a", "b", "c")
    assert not set(chain.outliers) & set(chain.supporters)


# how many are enough


@pytest.mark.parametrize(
    ("agree", "differ", "replicas", "quorum", "settled"),
    [
        (1, 0, 0, False, False),
        (2, 0, 0, True, True),
        (2, 0, 3, True, True),
        (2, 0, 5, True, False),
        (3, 0, 5, True, True),
        (2, 1, 3, True, True),
        (2, 1, 5, True, False),
        (2, 2, 5, False, False),
        (3, 1, 5, True, True),
        (3, 2, 5, True, True),
        (2, 3, 5, False, False),
        (3, 3, 5, False, False),
        (4, 3, 3, True, True),
        (1, 0, 1, False, False),
    ],
)
def test_a_majority_of_those_here_is_a_quorum_and_of_those_planned_settles(
    agree: int, differ: int, replicas: int, quorum: bool, settled: bool
) -> None:
    texts = ["7"] * agree + [str(100 + n) for n in range(differ)]
    judgement = numbers(*texts, replicas=replicas)

    assert (judgement.quorum, judgement.settled) == (quorum, settled)


def test_a_majority_is_more_than_half_and_at_least_two() -> None:
    assert [majority(n) for n in range(8)] == [2, 2, 2, 2, 3, 3, 4, 4]


# texts


def test_the_text_that_is_most_like_the_others_is_chosen() -> None:
    judgement = judge(answers(SKY.honest[0], REFUSAL, SKY.honest[1]), TEXT)

    assert judgement.chosen in ("a", "c")
    assert judgement.text in SKY.honest
    assert judgement.reason == "medoid"
    assert judgement.outliers == judgement.dissent == ("b",)
    assert judgement.votes[0].value is None
    assert set(judgement.votes[0].labels) == {"a", "c"}


def test_of_three_the_medoid_is_chosen() -> None:
    """The one with the highest sum of similarities, as long as all agree."""
    three = SKY.honest[:3]
    values = [TEXT.extract(text) for text in three]
    sums = [sum(TEXT.alike(one, other) for other in values) for one in values]

    for order in permutations(range(3)):
        judgement = judge(answers(*(three[place] for place in order)), TEXT)

        assert judgement.text == three[sums.index(max(sums))]


def test_two_texts_that_differ_are_not_settled() -> None:
    judgement = judge(answers(SKY.honest[0], SAVING.honest[0]), TEXT, replicas=3)

    assert judgement.reason == "none_alike"
    assert (judgement.settled, judgement.leading) == (False, None)


def test_texts_that_are_all_different_have_no_verdict_and_a_leading_one() -> None:
    judgement = judge(answers(SKY.honest[0], SAVING.honest[0], OPEN[2].honest[0]), TEXT)

    assert (judgement.chosen, judgement.reason) == (None, "none_alike")
    assert judgement.leading is not None
    assert judgement.outliers == judgement.supporters == ()
    assert judgement.agreement == 0
    assert len(judgement.dissent) == 2


def test_a_higher_threshold_lets_fewer_agree() -> None:
    three = answers(*SKY.honest[:3])

    assert judge(three, TEXT, threshold=0.3).agreement == 1
    assert judge(three, TEXT, threshold=0.9).agreement == 0


def test_texts_without_words_do_not_agree() -> None:
    assert judge(answers("...", "!", ""), TEXT).reason == "no_value"


def test_a_dissenter_that_is_like_most_supporters_is_no_outlier() -> None:
    """Unlike the chosen one alone is not yet unlike what most said."""
    near = Comparator(kind="number", tolerance=0.02)

    judgement = judge(
        answers("101", "100", "102.5", "103", "98.5", "50"), near, threshold=0.2
    )

    assert judgement.chosen == "a"
    assert judgement.dissent == ("e", "f")
    assert judgement.outliers == ("f",)


# other models, and other ends


def test_an_answer_of_another_model_has_no_vote() -> None:
    judgement = judge(
        [
            *answers("7", "8"),
            *(
                Candidate(label=label, text="8", comparable=False)
                for label in ("x", "y")
            ),
        ],
        NUMBER,
    )

    assert judgement.reason == "none_alike"
    assert judgement.aside == ("x", "y")
    assert judgement.agreement == 0


def test_it_is_recorded_how_alike_it_is() -> None:
    other = Candidate(label="x", text="7.0", comparable=False)

    judgement = judge([*answers("7", "7"), other], NUMBER)

    assert judgement.chosen == "a"
    assert judgement.supporters == ("a", "b")
    assert judgement.similarities[-1].label == "x"
    assert judgement.similarities[-1].similarity == 1


def test_an_answer_that_was_cut_is_not_compared_with_whole_ones() -> None:
    cut = Candidate(label="c", text="7", finish_reason="length")

    judgement = judge([*answers("7", "8"), cut], NUMBER)

    assert judgement.aside == ("c",)
    assert judgement.reason == "none_alike"


def test_it_counts_as_an_answer_all_the_same() -> None:
    cut = [
        Candidate(label=label, text="7", finish_reason="length") for label in ("x", "y")
    ]

    judgement = judge([*answers("7", "7", "8"), *cut], NUMBER)

    assert (judgement.reason, judgement.leading) == ("no_majority", "a")
    assert judgement.agreement == 2 / 5


def test_where_most_were_cut_those_are_compared() -> None:
    """Else two of five could win by being the only ones that ended."""
    cut = [Candidate(label=label, text="7", finish_reason="length") for label in "xyz"]

    judgement = judge([*answers("8", "8"), *cut], NUMBER)

    assert judgement.chosen == "x"
    assert judgement.aside == ("a", "b")


def test_answers_that_all_end_differently_are_not_compared() -> None:
    pair = [*answers("7"), Candidate(label="b", text="7", finish_reason="length")]

    judgement = judge(pair, NUMBER)

    assert (judgement.reason, judgement.leading) == ("different_finish", None)
    assert judgement.aside == ("a", "b")


def test_cut_answers_among_themselves_accuse_nobody() -> None:
    cut = answers(SKY.honest[0], SKY.honest[1], REFUSAL, finish_reason="length")

    judgement = judge(cut, TEXT)

    assert judgement.chosen in ("a", "b")
    assert judgement.dissent == ("c",)
    assert judgement.outliers == ()


# what is refused


def test_each_candidate_needs_its_own_label() -> None:
    with pytest.raises(ValueError, match="'a'"):
        judge([*answers("7"), *answers("8")], NUMBER)


@pytest.mark.parametrize("threshold", [0, -1, 1.01, float("nan")])
def test_a_threshold_is_above_0_and_at_most_1(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        judge([], TEXT, threshold=threshold)


def test_a_label_may_be_empty() -> None:
    nameless = Candidate(label="", text="7")

    assert judge([nameless, *answers("7")], NUMBER).chosen == ""


# whatever the answers


@given(CANDIDATES, COMPARATORS, st.randoms(use_true_random=False), st.integers(0, 6))
def test_the_order_of_arrival_does_not_matter(
    candidates: list[Candidate], comparator: Comparator, random: object, replicas: int
) -> None:
    shuffled = list(candidates)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert judge(shuffled, comparator, replicas=replicas) == judge(
        candidates, comparator, replicas=replicas
    )


@given(CANDIDATES, COMPARATORS)
def test_the_parts_of_a_judgement_fit_together(
    candidates: list[Candidate], comparator: Comparator
) -> None:
    judgement = judge(candidates, comparator)

    voters = sum(candidate.comparable for candidate in candidates)
    together = [*judgement.supporters, *judgement.dissent, *judgement.aside]
    if judgement.leading is not None and not judgement.supporters:
        together.append(judgement.leading)
    assert sorted(together) == sorted(each.label for each in candidates)
    assert set(judgement.outliers) <= set(judgement.dissent)
    assert judgement.quorum == (len(judgement.supporters) >= majority(voters))
    assert judgement.chosen == (judgement.leading if judgement.quorum else None)
    assert judgement.quorum or not judgement.settled
    if judgement.chosen is not None:
        assert judgement.chosen in judgement.supporters
        assert set(judgement.votes[0].labels) == set(judgement.supporters)


@given(AGREEING, COMPARATORS)
def test_one_more_that_agrees_never_takes_a_quorum_away(
    candidates: list[Candidate], comparator: Comparator
) -> None:
    before = judge(candidates, comparator)
    assume(before.quorum)
    chosen = next(each for each in candidates if each.label == before.chosen)
    for supporter in candidates:
        if supporter.label in before.supporters:
            more = Candidate(
                label="one more",
                text=supporter.text,
                finish_reason=chosen.finish_reason,
            )

            assert judge([*candidates, more], comparator).quorum


@given(st.lists(VALUES, min_size=1, max_size=7), st.integers(1, 7))
def test_a_minority_never_wins(texts: list[str], size: int) -> None:
    judgement = numbers(*texts)

    same = [text for text in texts if NUMBER.extract(text) == "1"]
    if 2 * len(same) <= len(texts):
        assert NUMBER.extract(judgement.text) != "1"


@given(st.data())
def test_fewer_than_half_cannot_win_by_what_they_say_alike(data: st.DataObject) -> None:
    """Whoever is bad: good ones are more like each other, so one of them leads."""
    planted: Planted = data.draw(st.sampled_from(OPEN))
    bad = data.draw(st.integers(0, 2))
    honest = data.draw(st.permutations(planted.honest))[: bad + 1]
    lie = data.draw(
        st.text(max_size=200) | st.sampled_from([REFUSAL, planted.honest[0][:40]])
    )
    values = {text: TEXT.extract(text) for text in [*honest, lie]}
    likeness = [
        TEXT.alike(values[a], values[b]) for a in honest for b in honest if a != b
    ]
    assume(bad and max(TEXT.alike(values[lie], values[a]) for a in honest)
           < min(likeness, default=0))  # fmt: skip
    candidates = answers(*[lie] * bad, *honest)

    judgement = judge(candidates, TEXT, threshold=0.01)

    assert judgement.text in honest


def test_so_many_pairs_are_compared() -> None:
    """The cost that the documentation gives: each pair once, and no more."""
    pairs = []

    class Counting(Comparator, frozen=True, kw_only=True):
        def alike(self, a: str | None, b: str | None) -> float:
            pairs.append((a, b))
            return super().alike(a, b)

    judge(answers(*SKY.honest), Counting())

    assert len(pairs) == comb(5, 2) + 4
