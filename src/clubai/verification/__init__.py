"""CHECKS: questions whose answers are known, and what an answer to one tells. Pure.

    question = make_question(rng)
    question.judge(answer)

Questions are made from a `random.Random`, and never taken from a list: what is drawn is
not to be foreseen, and an answer that was kept is of no use.
"""

from clubai.verification.calibration import Calibration
from clubai.verification.keys import AnswerKey, AnswerKeys, Reference
from clubai.verification.question import Question
from clubai.verification.questions import TEMPLATES, make_question
from clubai.verification.review import Evidence

__all__ = [
    "TEMPLATES",
    "AnswerKey",
    "AnswerKeys",
    "Calibration",
    "Evidence",
    "Question",
    "Reference",
    "make_question",
]
