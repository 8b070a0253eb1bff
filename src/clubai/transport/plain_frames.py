"""The WebSocket frames that nearly all are: whole messages, binary and masked. Pure.

A general parser takes some sixty calls for a frame, and a coordinator reads twenty of
them for an answer. Here what a peer sends is cut into plain messages, which are read at
once, and into all else, which is for the library: control frames one by one, and from
the first frame of any other kind on whatever comes (RFC 6455, section 5.2).
"""

from __future__ import annotations

from typing import Final

from wsproto.frame_protocol import XorMaskerSimple

_PLAIN: Final = 0x82
"""Final, binary, no extension."""
_CONTROL: Final = frozenset((0x88, 0x89, 0x8A))
"""Close, ping and pong; final, no extension."""
_MASKED: Final = 0x80
_MASK_BYTES: Final = 4
_SHORT: Final = 125
_TWO_BYTES: Final = 126
_TWO_BYTES_MOST: Final = (1 << 16) - 1
_MANY_BYTES: Final = 2048
"""To unmask as one number is quicker below."""

Piece = tuple[bool, bytes]
"""Whether it is a message, and the message; or bytes for the library."""


class PlainFrames:
    """Cuts one connection's bytes, however they come.

    What is held of a frame that has not come whole is at most `most` bytes and a head;
    a longer message is the library's from its head on.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = bytearray()
        self._need = 0
        """Bytes that the first frame of what is held takes; 0: not known."""
        self._over = False

    def cut(self, data: bytes) -> list[Piece]:
        """The next pieces, in their order."""
        if self._over:
            return [(False, data)]
        if self._held:
            self._held += data
            if len(self._held) < self._need:
                return []
            data = bytes(self._held)
            self._held.clear()
        pieces: list[Piece] = []
        at = 0
        while at < len(data):
            start, end = self._ends(data, at)
            if not start:
                self._over = True
                pieces.append((False, data[at:]))
                break
            if end > len(data):
                self._held += data[at:]
                self._need = end - at
                break
            if data[at] == _PLAIN:
                pieces.append((True, _unmasked(data, start, end)))
            else:
                pieces.append((False, data[at:end]))
            at = end
        return pieces

    def _ends(self, data: bytes, at: int) -> tuple[int, int]:
        """Where the mask of the frame at `at` begins, and where the frame ends.

        The end is beyond `data` when it has not come whole, and the start is 0 when the
        frame is one that is not read here.
        """
        kind = data[at]
        if kind != _PLAIN and kind not in _CONTROL:
            return 0, 0
        if at + 2 > len(data):
            return at + 2, at + 2
        length = data[at + 1] - _MASKED
        start = at + 2
        if not 0 <= length <= _SHORT:
            extra = 2 if length == _TWO_BYTES else 8
            if length < 0 or kind != _PLAIN:
                return 0, 0
            start += extra
            if start > len(data):
                return start, start
            length = int.from_bytes(data[start - extra : start])
            least = _SHORT if extra == 2 else _TWO_BYTES_MOST
            if length <= least:
                return 0, 0
        if length > self._most:
            return 0, 0
        return start, start + _MASK_BYTES + length


def _unmasked(data: bytes, start: int, end: int) -> bytes:
    begin = start + _MASK_BYTES
    mask = data[start:begin]
    size = end - begin
    if size > _MANY_BYTES:
        return bytes(XorMaskerSimple(mask).process(bytearray(data[begin:end])))
    repeated = (mask * (size // _MASK_BYTES + 1))[:size]
    number = int.from_bytes(data[begin:end]) ^ int.from_bytes(repeated)
    return number.to_bytes(size)
