from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.verification import code
from clubai.verification.draft import Draft


@pytest.mark.parametrize("template", code.TEMPLATES.values())
@given(seed=st.integers(0, 1 << 32))
def test_a_program_prints_what_is_expected(
    template: Callable[[Random], Draft], seed: int
) -> None:
    draft = template(Random(seed))
    program = draft.passage.removeprefix("```python\n").removesuffix("\n```")

    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(program, {})  # noqa: S102

    assert out.getvalue().strip() == draft.expected
