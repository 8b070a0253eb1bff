from __future__ import annotations

from random import Random

from clubai.verification.draft import PEOPLE, THINGS, TOWNS, WORDS, invented, listed


def test_pools_hold_no_word_twice() -> None:
    for pool in (PEOPLE, THINGS, TOWNS, WORDS):
        assert len(set(pool)) == len(pool) >= 20
        assert all(word.isalpha() for word in pool)


def test_a_list_is_what_stands_between_marks() -> None:
    assert listed("a b") == ("a", "b")
    assert listed("a b|c", "|") == ("a b", "c")


def test_invented_words_can_be_spelt_and_are_many() -> None:
    rng = Random(1)

    words = {invented(rng, 3) for _ in range(200)}

    assert len(words) > 190
    assert all(len(word) == 6 and word.isalpha() for word in words)
