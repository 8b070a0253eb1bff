"""Sealed records: one direction of one attempt, piece by piece.

A record is `u8 type, u32 n, n bytes of data`, then zeros up to a bucket, under
AES-256-GCM: nonce = iv XOR (0x000000 || u8 final || u64 seq),
associated data = th || u8 direction || u8 final || u64 seq.
Nonces are counted here and come from nowhere else.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from clubai.crypto.binding import MAX_RECORDS
from clubai.crypto.schedule import DirectionKeys
from clubai.errors import LocalProtocolError, TrustError
from clubai.model import TrustCode

BUCKETS: Final = (256, 1024, 4096, 16_384, 65_536)
"""Sizes that a record's plaintext may have, in bytes."""
TAG_SIZE: Final = 16
MAX_RECORD_DATA: Final = BUCKETS[-1] - 5
"""Most bytes of data in one record."""
MAX_DIRECTION_BYTES: Final = 64 << 20
"""Most bytes of data in one direction of one attempt, padding not counted."""
LAST_TYPE: Final = 4
"""Record types are 0 data, 1 usage, 2 error, 3 keep-alive, 4 cancel."""

TO_NODE: Final = b"\0"
TO_CLIENT: Final = b"\1"

_DATA_SIZES: Final = tuple(bucket - 5 for bucket in BUCKETS)
_SEALED_SIZES: Final = frozenset(bucket + TAG_SIZE for bucket in BUCKETS)
_FINAL: Final = 1 << 64
_RECORD_HEAD: Final = struct.Struct(">BI")
_POSITION: Final = struct.Struct(">BQ")


class RecordSealer:
    """Seals the records of one direction, one after the other.

    Made in `sealing` only, one for a set of keys.
    """

    __slots__ = ("_aad", "_aead", "_iv", "_left", "_most", "closed", "count")

    def __init__(
        self, keys: DirectionKeys, *, context: bytes, max_records: int = MAX_RECORDS
    ) -> None:
        self._aead = AESGCM(keys.key)
        self._iv = int.from_bytes(keys.iv)
        self._aad = context
        self._most = max_records
        self._left = MAX_DIRECTION_BYTES
        self.count = 0
        """Records so far: the number of the next one."""
        self.closed = False
        """Whether the final record is sealed."""

    def seal(self, type_: int, data: bytes, *, fin: bool = False) -> bytes:
        """Seal one record; with `fin` it is the last.

        Raises:
            LocalProtocolError: there is no such type, the direction is closed, or it
                would be too much: of data in the record, or of either in the direction.
        """
        seq, size = self.count, len(data)
        if self.closed:
            raise LocalProtocolError("a record after the final one")
        if not 0 <= type_ <= LAST_TYPE:
            raise LocalProtocolError(f"no record has type {type_}")
        if size > MAX_RECORD_DATA:
            raise LocalProtocolError(f"{size} bytes of data in one record")
        if seq >= self._most or size > self._left:
            raise LocalProtocolError("more than one direction may hold")
        bucket = BUCKETS[bisect_left(_DATA_SIZES, size)]
        self.count = seq + 1
        self._left -= size
        self.closed = fin
        return self._aead.encrypt(
            (self._iv ^ (seq | _FINAL if fin else seq)).to_bytes(12),
            (_RECORD_HEAD.pack(type_, size) + data).ljust(bucket, b"\0"),
            self._aad + _POSITION.pack(fin, seq),
        )


class RecordOpener:
    """Opens the records of one direction, in order; after one that fails, none.

    Made in `sealing` only, one for a set of keys.
    """

    __slots__ = (
        "_aad",
        "_aead",
        "_failure",
        "_final",
        "_iv",
        "_left",
        "_most",
        "count",
    )

    def __init__(
        self, keys: DirectionKeys, *, context: bytes, max_records: int = MAX_RECORDS
    ) -> None:
        self._aead = AESGCM(keys.key)
        self._iv = int.from_bytes(keys.iv)
        self._aad = context
        self._most = max_records
        self._left = MAX_DIRECTION_BYTES
        self._final = False
        self._failure: tuple[TrustCode, str] | None = None
        self.count = 0
        """Records so far: the number of the one that is due."""

    @property
    def finished(self) -> bool:
        """Whether the final record came, and nothing failed."""
        return self._final and self._failure is None

    def open(self, ct: bytes, *, seq: int, fin: bool) -> tuple[int, bytes]:
        """Open one record: its type and its data.

        Raises:
            TrustError: OUT_OF_ORDER, BAD_RECORD or TOO_MUCH. From then on every call
                raises the same.
        """
        if self._failure is not None:
            raise TrustError(*self._failure)
        if self._final:
            raise self._fail(TrustCode.OUT_OF_ORDER, "a record after the final one")
        if seq != self.count:
            raise self._fail(TrustCode.OUT_OF_ORDER, "another record was due")
        if len(ct) not in _SEALED_SIZES:
            raise self._fail(TrustCode.BAD_RECORD, "a record of an impossible size")
        try:
            plain = self._aead.decrypt(
                (self._iv ^ (seq | _FINAL if fin else seq)).to_bytes(12),
                ct,
                self._aad + _POSITION.pack(fin, seq),
            )
        except InvalidTag:
            raise self._fail(TrustCode.BAD_RECORD, "a record does not open") from None
        type_, size = _RECORD_HEAD.unpack_from(plain)
        end = 5 + size
        # A size beyond the record leaves a negative number of zeros, which none equals.
        if type_ > LAST_TYPE or plain.count(0, end) != len(plain) - end:
            raise self._fail(TrustCode.BAD_RECORD, "a record is badly padded or typed")
        if seq >= self._most or size > self._left:
            raise self._fail(TrustCode.TOO_MUCH, "more than one direction may hold")
        self.count = seq + 1
        self._left -= size
        self._final = fin
        return type_, plain[5:end]

    def close(self) -> None:
        """Say that no more records come.

        Raises:
            TrustError: TRUNCATED, when the final one has not come; what an earlier
                `open` raised, when one failed.
        """
        if self._failure is None and not self._final:
            self._fail(TrustCode.TRUNCATED, "the end came before the final record")
        if self._failure is not None:
            raise TrustError(*self._failure)

    def _fail(self, code: TrustCode, reason: str) -> TrustError:
        self._failure = (code, reason)
        return TrustError(code, reason)
