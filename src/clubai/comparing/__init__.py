"""Answers compared: which are alike, which one stands for all; needs no club.

    comparator = choose_comparator(prompt)
    judgement = judge(candidates, comparator)

All of it is pure and takes any text; what it compares of a text is bounded.
"""

from clubai.comparing.asking import choose_comparator
from clubai.comparing.comparator import Comparator, ComparatorKind
from clubai.comparing.judgement import Candidate, Judgement, Likeness, Reason, Vote
from clubai.comparing.judging import THRESHOLD, judge, majority
from clubai.comparing.normal import normalise
from clubai.comparing.similarity import similarity

__all__ = [
    "THRESHOLD",
    "Candidate",
    "Comparator",
    "ComparatorKind",
    "Judgement",
    "Likeness",
    "Reason",
    "Vote",
    "choose_comparator",
    "judge",
    "majority",
    "normalise",
    "similarity",
]
