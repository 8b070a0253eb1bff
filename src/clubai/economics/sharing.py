"""How a whole amount is divided so that the parts add up to it: largest remainder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from clubai.model import MemberId

BASIS: Final = 10_000
"""Basis points in a whole."""


def share(amount: int, weights: Mapping[MemberId, int]) -> dict[MemberId, int]:
    """Divide `amount` (not below 0) by weights; the parts add up to it.

    What is left after rounding down goes, one unit each, to the largest remainders; of
    equal ones, to those whose id comes first as bytes. All are 0 when all weights are.
    """
    total = sum(weights.values())
    ordered = sorted(weights, key=str.encode)
    if total == 0:
        return dict.fromkeys(ordered, 0)
    parts = {each: amount * weights[each] // total for each in ordered}
    left = amount - sum(parts.values())
    by_remainder = sorted(
        ordered, key=lambda each: (-(amount * weights[each] % total), each.encode())
    )
    for each in by_remainder[:left]:
        parts[each] += 1
    return parts


def share_capped(
    amount: int, weights: Mapping[MemberId, int], cap_bp: int
) -> tuple[dict[MemberId, int], int]:
    """Divide as `share`, but give nobody more than `cap_bp` of `amount`.

    What is above goes to the others by their weights, until nobody is above.

    Returns:
        The parts, and what nobody may have.
    """
    cap = amount * cap_bp // BASIS
    fixed: dict[MemberId, int] = {}
    open_weights = dict(weights)
    while True:
        parts = share(amount - sum(fixed.values()), open_weights)
        above = [each for each in parts if parts[each] > cap]
        if not above:
            break
        for each in above:
            fixed[each] = cap
            del open_weights[each]
    parts |= fixed
    ordered = {each: parts[each] for each in sorted(parts, key=str.encode)}
    return ordered, amount - sum(ordered.values())


def equal_parts(amount: int, count: int) -> Sequence[int]:
    """Divide into `count` parts that differ by at most 1, the larger ones first."""
    each, more = divmod(amount, count)
    return [each + (place < more) for place in range(count)]
