"""Asks nodes what is known already, as an ordinary client, and tells what came out."""

from clubai.checking.checker import Checker, CheckerConfig
from clubai.checking.owed import Owed, Standing

__all__ = ["Checker", "CheckerConfig", "Owed", "Standing"]
