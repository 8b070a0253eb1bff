"""What decoding bytes from somebody else may raise: everything of it, in one place."""

from __future__ import annotations

from typing import Final

import msgspec

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""Of msgspec's decoders, JSON and msgpack. Text that is not UTF-8 and nesting that is
too deep are told by exceptions of Python's own."""
