"""`clubai-coordinator` on a machine whose clock runs ahead.

The first argument is by how many seconds; the others are the command's.
"""

from __future__ import annotations

import sys
import time

AHEAD = int(sys.argv.pop(1))
_seconds, _nanoseconds = time.time, time.time_ns


def later() -> float:
    return _seconds() + AHEAD


def later_ns() -> int:
    return _nanoseconds() + AHEAD * 10**9


time.time, time.time_ns = later, later_ns

from clubai.cli.coordinator import main  # noqa: E402 - it has to see this clock

main()
