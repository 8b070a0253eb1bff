"""Answers that were cut off where others came to an end: each may be chance, a row not.

Without this a node that always says that it was cut would never fail a check.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from clubai.model import NodeId

TOLD_AFTER: Final = 3
"""Cut answers in a row that are a failed check."""
MOST_KEPT: Final = 10_000


class Cuts:
    """Cut answers in a row, by node and model; it begins anew with the process."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._rows: OrderedDict[tuple[NodeId, str], int] = OrderedDict()

    def cut(self, node: NodeId, model: str) -> bool:
        """One more was cut; True: so many in a row that it is a failed check."""
        row = self._rows.pop((node, model), 0) + 1
        if row >= TOLD_AFTER:
            return True
        self._rows[node, model] = row
        if len(self._rows) > self._most:
            self._rows.popitem(last=False)
        return False

    def ended(self, node: NodeId, model: str) -> None:
        """One could be compared: the row begins anew."""
        self._rows.pop((node, model), None)
