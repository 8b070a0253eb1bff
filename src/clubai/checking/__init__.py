"""Asks nodes what is known already, as an ordinary client, and tells what came out."""

from clubai.checking.checker import Checker, CheckerConfig
from clubai.checking.owed import Standing
from clubai.checking.standing import ClubStanding

__all__ = ["Checker", "CheckerConfig", "ClubStanding", "Standing"]
