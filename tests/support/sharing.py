"""How `pytest -n 3` shares the tests out among its processes: by file.

The tests of a file stay together, so that what they share is made once. Those that
start many processes, and see in time what becomes of them, all go to one worker: two of
them at once would wait for each other. They come first, because they take longest: at
the end there is something to do for every worker.
"""

from __future__ import annotations

from typing import Final

from xdist.scheduler import LoadScopeScheduling

ALONE: Final = ("tests/integration/", "tests/test_benchmarks.py")
"""Of these no two run at once."""


def scope(nodeid: str) -> str:
    """What a test is not parted from: the rest of its file, or all of `ALONE`."""
    return "alone" if comes_first(nodeid) else nodeid.partition("::")[0]


def comes_first(nodeid: str) -> bool:
    return nodeid.startswith(ALONE)


class ByFile(LoadScopeScheduling):
    """Gives whole scopes to whoever is free, in the order of the collection."""

    def _split_scope(self, nodeid: str) -> str:
        return scope(nodeid)
