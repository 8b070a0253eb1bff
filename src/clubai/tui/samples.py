"""How the demo asks, and what, for who only wants to see a club answer. Pure."""

from __future__ import annotations

from typing import Final

from clubai.tui.asking import Asking

DEMO: Final = Asking(
    system="Answer in one short sentence.",
    max_tokens=80,
    temperature=0,
    samples=(
        "What is the capital of France?",
        "What is the opposite of hot?",
        "What is photosynthesis?",
        "What is the chemical symbol for water?",
        "Explain gravity in one sentence.",
        "What is an open source project?",
    ),
)
"""A very small model reads well when it is short, and is right more often at 0."""
