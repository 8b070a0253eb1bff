"""How alike two answers are, for whoever may not read them.

Under a key that the client and the nodes of a group share, a text has an equality tag
and a sketch. Both are of the normalised text:

- The tag is HMAC-SHA256(key, "eq" || text).
- The sketch is a MinHash of the set of word bigrams, in 128 lanes of 8 bits. Of a text
  of one word that word stands for its bigrams; of an empty one, the empty string does.
  For block i of 8, each bigram `a b` has a digest BLAKE2b-512(`a b`, key = key, salt =
  i as 16 bytes), read as 16 numbers of 32 bits; a lane is the last byte of the lowest
  number that any bigram has in it. All integers are big-endian.

The tag is that of the design's vectors. Their sketch is of another construction, which
the design does not give; the sketches here agree with one another, not with that one.
"""

from __future__ import annotations

import hmac
import struct
from hashlib import blake2b
from itertools import pairwise
from typing import Final

from clubai.comparing import normalise
from clubai.errors import TrustError
from clubai.model import TrustCode

LANES: Final = 128
"""Bytes of a sketch."""

_DIGEST: Final = struct.Struct(">16I")
_SALTS: Final = tuple(block.to_bytes(16) for block in range(LANES // 16))
_CHANCE: Final = 1 / 256
"""How often two lanes of 8 bits agree that have nothing in common."""


def equality_tag(cmp_key: bytes, text: str) -> bytes:
    """A tag that two answers share when they are of the same words: 32 bytes."""
    return hmac.digest(cmp_key, b"eq" + _encoded(normalise(text)), "sha256")


def sketch(cmp_key: bytes, text: str) -> bytes:
    """A sketch of an answer's word bigrams, for `estimate`: 128 bytes.

    It takes about 10 microseconds a word: for long answers call it in a thread.
    """
    lanes = bytearray()
    bigrams = _bigrams(normalise(text))
    unpack = _DIGEST.unpack
    for salt in _SALTS:
        keyed = blake2b(key=cmp_key, salt=salt)
        rows = []
        for bigram in bigrams:
            digest = keyed.copy()
            digest.update(bigram)
            rows.append(unpack(digest.digest()))
        lanes += bytes(lowest & 0xFF for lowest in map(min, zip(*rows, strict=True)))
    return bytes(lanes)


def estimate(sketch_a: bytes, sketch_b: bytes) -> float:
    """The Jaccard similarity of two answers' word bigrams, 0 to 1, give or take 0.035.

    Lanes that agree by chance are allowed for.

    Raises:
        TrustError: BAD_ATTESTATION, when a sketch is not of 128 bytes.
    """
    if len(sketch_a) != LANES or len(sketch_b) != LANES:
        raise TrustError(TrustCode.BAD_ATTESTATION, "a sketch is not of 128 bytes")
    same = sum(map(int.__eq__, sketch_a, sketch_b)) / LANES
    return max(0.0, (same - _CHANCE) / (1 - _CHANCE))


def _bigrams(text: str) -> set[bytes]:
    words = text.split(" ")
    if len(words) == 1:
        return {_encoded(text)}
    return {_encoded(f"{one} {other}") for one, other in pairwise(words)}


def _encoded(text: str) -> bytes:
    return text.encode(errors="surrogatepass")
