from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from clubai.comparing import THRESHOLD, similarity
from clubai.verification.prompts import make_prompt

seeds = st.integers(0, 1 << 62)


@given(seeds, seeds)
def test_no_two_seeds_ask_the_same(seed: int, other: int) -> None:
    one, two = make_prompt(Random(seed)), make_prompt(Random(other))

    assert (one == two) is (seed == other)


@given(seeds)
def test_it_is_asked_at_temperature_0_with_a_seed(seed: int) -> None:
    prompt = make_prompt(Random(seed))
    body = prompt.body()

    assert (body["temperature"], body["seed"]) == (0.0, prompt.seed)
    assert body["max_tokens"] >= 200
    assert "{" not in prompt.text


def test_prompts_ask_for_different_things() -> None:
    rng = Random(3)
    texts = [make_prompt(rng).messages[-1].content for _ in range(500)]

    assert len(set(texts)) == 500
    alike = [similarity(a, b) for a, b in zip(texts[::2], texts[1::2], strict=True)]
    assert sum(each < 2 * THRESHOLD for each in alike) > 230
