"""How `pytest -n 2` shares the tests out among its processes: by file.

The tests of a file stay together, so that what they share is made once. Those of the
folders that start many processes, and see what becomes of them in time, all go to one
worker: two of them at once would wait for each other. They come first, because they
take longest: at the end there is something for every worker.
"""

from __future__ import annotations

from typing import Final

from xdist.scheduler import LoadScopeScheduling

ALONE: Final = ("tests/integration/",)
"""Of these no two run at once."""


def scope(nodeid: str) -> str:
    """What a test is never parted from: its file, or all that must run alone."""
    file = nodeid.partition("::")[0]
    return next((folder for folder in ALONE if file.startswith(folder)), file)


def comes_first(nodeid: str) -> bool:
    return nodeid.startswith(ALONE)


class ByFile(LoadScopeScheduling):
    """Gives whole scopes to whoever is free, in the order of the collection."""

    def _split_scope(self, nodeid: str) -> str:
        return scope(nodeid)
