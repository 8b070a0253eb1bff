"""What a divided job came to."""

from __future__ import annotations

import msgspec

from clubai.client.answer import Agreement
from clubai.dividing.citing import Citation


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of a job, before its provenance is added."""

    text: str
    finish_reason: str = "stop"
    note: str = ""
    agreement: Agreement | None = None
    citations: tuple[Citation, ...] = ()
