from __future__ import annotations

from clubai.tui.samples import DEMO


def test_the_prepared_questions_are_short_and_different() -> None:
    assert len(set(DEMO.samples)) == len(DEMO.samples) > 3
    assert all(len(sample) < 60 for sample in DEMO.samples)


def test_the_demo_asks_for_the_most_likely_short_answer() -> None:
    assert "short" in DEMO.system
    assert DEMO.options == {"max_tokens": 80, "temperature": 0}
