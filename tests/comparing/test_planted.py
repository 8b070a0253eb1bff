"""Planted bad nodes: the honest answer wins with one of three, and two of five."""

from __future__ import annotations

from itertools import combinations

import pytest

from clubai.comparing import Candidate, Comparator, Judgement, choose_comparator, judge
from comparing.cheats import CHEATS, Scene
from comparing.planted import KINDS, OPEN, Planted

SETTINGS = {
    "one of three": (2, [0]),
    "two of five, each for itself": (3, [0, 1]),
    "two of five, colluding": (3, [0, 0]),
}
CASES = [
    pytest.param(kind, place, id=f"{kind} {place}")
    for kind, prompts in KINDS.items()
    for place in range(len(prompts))
]


def comparator_for(kind: str, planted: Planted) -> Comparator:
    """The one that a caller gets who knows nothing; `exact` has to be asked for."""
    if planted.prompt.startswith("Repeat exactly"):
        return Comparator(kind="exact")
    comparator = choose_comparator(planted.prompt, answers=planted.honest)
    assert comparator.kind == kind
    return comparator


def outcomes(
    kind: str, place: int, cheat: str, setting: str
) -> list[tuple[Judgement, Comparator, Planted]]:
    """For every choice of honest nodes, with labels that sort before and after."""
    prompts = KINDS[kind]
    planted, other = prompts[place], prompts[(place + 1) % len(prompts)]
    honest, nodes = SETTINGS[setting]
    comparator = comparator_for(kind, planted)
    bad = [CHEATS[cheat](Scene(planted, other, node)) for node in nodes]
    found = []
    for texts in combinations(planted.honest, honest):
        for labels in ("a bad", "z bad"):
            candidates = [
                *(Candidate(label=f"good {n}", text=text)
                  for n, text in enumerate(texts)),
                *(Candidate(label=f"{labels} {n}", text=text)
                  for n, text in enumerate(bad)),
            ]  # fmt: skip
            judgement = judge(
                candidates, comparator, replicas=len(candidates), prompt=planted.prompt
            )
            found.append((judgement, comparator, planted))
    return found


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("cheat", CHEATS)
@pytest.mark.parametrize(("kind", "place"), CASES)
def test_the_honest_answer_wins_and_no_honest_node_is_an_outlier(
    kind: str, place: int, cheat: str, setting: str
) -> None:
    for judgement, comparator, planted in outcomes(kind, place, cheat, setting):
        assert judgement.quorum
        assert judgement.settled
        assert not [each for each in judgement.outliers if each.startswith("good")]
        if kind == "text":
            assert judgement.chosen is not None
            assert judgement.chosen.startswith("good")
        else:
            value = comparator.extract(judgement.text)
            assert value == comparator.extract(planted.honest[0])


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("cheat", CHEATS)
def test_bad_nodes_that_send_something_else_are_outliers(
    cheat: str, setting: str
) -> None:
    """All of them, but for answers to other prompts that happen to look alike."""
    bad = caught = 0
    for place in range(len(OPEN)):
        for judgement, _, _ in outcomes("text", place, cheat, setting):
            bad += len(SETTINGS[setting][1])
            caught += len(judgement.outliers)

    assert caught >= 0.97 * bad


def test_a_highest_sum_alone_would_let_two_that_collude_win() -> None:
    """Why `judge` asks how near the last of a majority is, and not for the medoid."""
    planted, other = OPEN[0], OPEN[1]
    texts = [*planted.honest[:3], other.honest[0], other.honest[0]]
    comparator = Comparator()
    values = [comparator.extract(text) for text in texts]
    sums = [
        sum(comparator.alike(value, other) for other in values) - 1 for value in values
    ]

    assert sums.index(max(sums)) == 3
    candidates = [
        Candidate(label=str(place), text=text) for place, text in enumerate(texts)
    ]
    assert judge(candidates, comparator).chosen in ("0", "1", "2")


def test_an_echo_of_a_text_to_summarise_wins_where_the_prompt_is_not_given() -> None:
    """It is more like each summary than they are like each other: a known limit."""
    planted = next(each for each in OPEN if each.prompt.startswith("Summarise"))
    candidates = [
        Candidate(label="a", text=planted.honest[0]),
        Candidate(label="b", text=planted.honest[1]),
        Candidate(label="c", text=planted.prompt),
    ]

    assert judge(candidates, Comparator()).chosen == "c"
    assert judge(candidates, Comparator(), prompt=planted.prompt).chosen in ("a", "b")
