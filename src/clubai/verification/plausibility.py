"""Speeds that cannot be: each is a reason to look closer, and costs a node nothing.

Only what is known counts: a 0 or an empty row says that something is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from clubai.model import Value

SPECULATION: Final = 3
"""Times that speculative decoding may beat one reading of the weights for a token."""
FEWEST_TOKENS: Final = 16
"""Below these a speed says nothing."""
FEWEST_GAPS: Final = 8
SAME_MS: Final = 0.05
"""What gaps that are identical may differ by: below it no network is so steady."""


class Speed(Value, frozen=True, kw_only=True):
    """How fast one answer came, by the coordinator's clock."""

    tokens: int
    """Of the answer, metered."""
    first_token_ms: float = 0.0
    """From the whole request at the node to the first record of the answer."""
    total_ms: float
    round_trip_ms: float = 0.0
    """To the node and back, the least that was seen."""
    gaps_ms: tuple[float, ...] = ()
    """Between one record and the next."""


class Machine(Value, frozen=True, kw_only=True):
    """What bounds the speed of one request at a node."""

    bandwidth_gb_s: float = 0.0
    """Of its memory."""
    active_gb: float = 0.0
    """Of weights that each token needs."""
    class_tokens_s: float = 0.0
    """The 99th percentile of what nodes with the same model reach."""


def doubts(speed: Speed, machine: Machine) -> tuple[str, ...]:
    """Why an answer cannot have been made so fast; nothing: no reason to doubt."""
    found = (
        _too_fast(speed, machine),
        _too_soon(speed),
        _too_even(speed.gaps_ms),
    )
    return tuple(each for each in found if each)


def _too_fast(speed: Speed, machine: Machine) -> str:
    spent_s = (speed.total_ms - speed.first_token_ms) / 1000
    if speed.tokens < FEWEST_TOKENS:
        return ""
    if spent_s <= 0:
        spent_s = speed.total_ms / 1000
    if spent_s <= 0:
        return f"{speed.tokens} tokens in no time"
    rate = speed.tokens / spent_s
    if machine.bandwidth_gb_s and machine.active_gb:
        most = machine.bandwidth_gb_s / machine.active_gb * SPECULATION
        if rate > most:
            return f"{rate:.0f} tokens/s, and its memory allows {most:.0f}"
    if machine.class_tokens_s and rate > machine.class_tokens_s:
        most = machine.class_tokens_s
        return f"{rate:.0f} tokens/s, and 99 of 100 alike reach {most:.0f} at most"
    return ""


def _too_soon(speed: Speed) -> str:
    if speed.round_trip_ms and 0 < speed.first_token_ms < speed.round_trip_ms:
        return (
            f"the first token after {speed.first_token_ms:.0f} ms, and the way there"
            f" and back takes {speed.round_trip_ms:.0f} ms"
        )
    return ""


def _too_even(gaps: Sequence[float]) -> str:
    if len(gaps) < FEWEST_GAPS or max(gaps) - min(gaps) > SAME_MS:
        return ""
    return f"{len(gaps)} gaps of {gaps[0]:.1f} ms, all the same"
