from __future__ import annotations

from clubai.tui.samples import MAX_TOKENS, SAMPLES, SYSTEM


def test_the_prepared_questions_are_short_and_different() -> None:
    assert len(set(SAMPLES)) == len(SAMPLES) > 3
    assert all(len(sample) < 60 for sample in SAMPLES)
    assert "short" in SYSTEM
    assert 0 < MAX_TOKENS < 200
