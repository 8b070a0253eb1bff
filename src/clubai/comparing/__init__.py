"""Answers compared: which are alike, which one stands for all; needs no club."""

from clubai.comparing.normal import normalise
from clubai.comparing.similarity import similarity

__all__ = ["normalise", "similarity"]
