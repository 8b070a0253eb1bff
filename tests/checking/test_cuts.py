from __future__ import annotations

from clubai.checking.cuts import TOLD_AFTER, Cuts
from clubai.model import NodeId

A, B = NodeId(b"a" * 32), NodeId(b"b" * 32)


def test_the_third_in_a_row_is_told_and_the_row_begins_anew() -> None:
    cuts = Cuts()

    told = [cuts.cut(A, "m") for _ in range(2 * TOLD_AFTER)]

    assert told == [False, False, True] * 2


def test_an_answer_that_ended_breaks_the_row() -> None:
    cuts = Cuts()
    cuts.cut(A, "m")
    cuts.cut(A, "m")
    cuts.ended(A, "m")

    assert not cuts.cut(A, "m")


def test_each_node_and_model_has_a_row_of_its_own() -> None:
    cuts = Cuts()
    for _ in range(2):
        cuts.cut(A, "m")

    assert not cuts.cut(A, "n")
    assert not cuts.cut(B, "m")
    assert cuts.cut(A, "m")


def test_the_longest_unseen_row_is_forgotten() -> None:
    cuts = Cuts(most=1)
    for _ in range(2):
        cuts.cut(A, "m")
    cuts.cut(B, "m")

    assert not cuts.cut(A, "m")
