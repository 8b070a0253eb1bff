"""Prepared questions, for who only wants to see a club answer. Pure."""

from __future__ import annotations

from typing import Final

SYSTEM: Final = "Answer in one short sentence."
"""Makes a very small model read well."""
MAX_TOKENS: Final = 80
SAMPLES: Final = (
    "What is the capital of France?",
    "What is the opposite of hot?",
    "What is photosynthesis?",
    "What is the chemical symbol for water?",
    "Explain gravity in one sentence.",
    "What is an open source project?",
)
