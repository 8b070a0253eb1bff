"""How far clients' complaints are heard."""

from __future__ import annotations

from typing import Final

import msgspec

from clubai.reputation.days import DAY_S
from clubai.reputation.record import MONTH_S, Record

A_MONTH: Final = 3
"""Reviews of one node that one client can open in 30 days; in one day, one."""
OVERRULED: Final = 3
"""Complaints that found nothing, after which a client is not heard for a while."""
UNHEARD_S: Final = 90 * DAY_S


class Complainant(msgspec.Struct, gc=False):
    """A client whose complaints were overruled."""

    overruled: int = 0
    unheard_until: float = 0.0

    def overrule(self, at: float) -> None:
        """One of their reviews found nothing."""
        self.overruled += 1
        if self.overruled == OVERRULED:
            self.overruled = 0
            self.unheard_until = at + UNHEARD_S


def may_open(record: Record, by: str, cause: str, now: float) -> bool:
    """Whether `by` can open a review of this node now, for what `cause` names."""
    if any(review.cause == cause for review in record.open_reviews.values()):
        return False
    theirs = [at for at, who in record.complaints if who == by and at > now - MONTH_S]
    return len(theirs) < A_MONTH and not any(at > now - DAY_S for at in theirs)
