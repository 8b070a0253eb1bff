"""Answers compared: which are alike, which one stands for all; needs no club."""

from clubai.comparing.asking import choose_comparator
from clubai.comparing.comparator import Comparator, ComparatorKind
from clubai.comparing.normal import normalise
from clubai.comparing.similarity import similarity

__all__ = [
    "Comparator",
    "ComparatorKind",
    "choose_comparator",
    "normalise",
    "similarity",
]
