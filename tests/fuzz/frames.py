"""Makes frames that are nearly right: seeded, so that every run can be repeated."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any

import msgspec

GOLDEN = Path(__file__).parents[1] / "protocol" / "golden.txt"
GOLDEN_TASK = b"\1" * 16
"""The task id in the golden messages."""

MESSAGES: tuple[bytes, ...] = tuple(
    bytes.fromhex(line.split()[1]) for line in GOLDEN.read_text().splitlines()
)
DOCUMENTS: tuple[bytes, ...] = tuple(
    json.dumps(document).encode()
    for document in (
        {"model": "m", "messages": [{"role": "user", "content": "hi"}], "n": 1},
        {"model": "m", "prompt": ["a", [1, 2]], "max_tokens": 5, "stream": True},
        {"model": "m", "input": "text", "encoding_format": "base64"},
        {"prompt": "p", "mode": "single", "options": {"temperature": 0.5}},
        {"index": 0, "delta": {"content": "hi", "role": "assistant"}},
        {"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}},
        {"error": {"message": "no", "type": "bad", "code": 7}},
        {"detail": [{"loc": ["body", 0], "msg": "wrong"}]},
        {"index": 0, "delta": {"content": "b"}, "finish_reason": "stop"},
        {"index": 0, "embedding": [0.1, -2e3]},
        {"data": [{"index": 0, "embedding": [0.1, -2e3]}], "usage": None},
        {"name": "alice", "password": "a long password"},
        {"id": "x", "tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
    )
)
_NASTY_MSGPACK = (
    b"\xdd\xff\xff\xff\xff",  # an array of 2^32 - 1
    b"\xdf\xff\xff\xff\xff",  # a map of as many
    b"\xc6\xff\xff\xff\xff",  # bytes
    b"\xdb\xff\xff\xff\xff",  # text
    b"\xc9\xff\xff\xff\xff\x05",  # an extension
    b"\xd6\xff\xff\xff\xff\xff",  # a time
    b"\xcb\x7f\xf8\0\0\0\0\0\0",  # not a number
    b"\xcb\x7f\xf0\0\0\0\0\0\0",  # infinity
    b"\xcf" + b"\xff" * 8,
    b"\xd3\x80" + b"\0" * 7,
    b"\x91" * 2000,
    b"\x81\xa1a" * 1500,
    b"\xde\x20\0" + b"\xa1a\xc0" * 0x2000,  # one key, many times
    b"\xdc\xff\xff" + b"\xc0" * 0xFFFF,
    b"\xa4\xff\xfe\xed\xa0",
    b"\xc1",
    b"",
)
_NASTY_JSON = (
    b"[" * 2000,
    b'{"a":' * 1500,
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"9" * 400,
    b"-" + b"9" * 5000,
    b'"\\ud800"',
    b'"\xff\xfe"',
    b'"\\u0000"',
    b'{"a":1,"a":2}',
    b"[" + b"[]," * 3000 + b"0]",
    b'"' + b"x" * 70_000 + b'"',
    b"\x00",
    b"\xef\xbb\xbf",
    b"",
    b"null",
)
_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1,
    (1 << 31) - 1,
    1 << 32,
    (1 << 64) - 1,
    -(1 << 63),
    1e308,
    -0.0,
    1e-320,
    "",
    "x" * 300,
    "\u202e\n\r\x1b[2J\0",
    "\U0001f600" * 50,
    [],
    [[]] * 40,
    {},
    {"a": {"a": {"a": {}}}},
    ["HELLO"] * 600,
)
_BINARY_VALUES: tuple[Any, ...] = (
    float("nan"),
    float("inf"),
    b"",
    b"\0" * 16,
    GOLDEN_TASK,
    b"\2" * 32,
    b"\xff" * 64,
    b"x" * 5000,
    msgspec.msgpack.Ext(5, b"ext"),
)


class Frames:
    """An endless supply made of `corpus`, the same for the same seed."""

    def __init__(
        self,
        seed: int,
        corpus: Sequence[bytes],
        *,
        binary: bool = True,
        structured: bool = True,
    ) -> None:
        self._random = Random(seed)  # noqa: S311 - to be repeated
        self._corpus = corpus
        self._nasty = _NASTY_MSGPACK if binary else _NASTY_JSON
        self._values = _VALUES + (_BINARY_VALUES if binary else ())
        self._decode: Callable[[bytes], Any] = (
            msgspec.msgpack.decode if binary else msgspec.json.decode
        )
        self._encode: Callable[[Any], bytes] = (
            msgspec.msgpack.encode if binary else msgspec.json.encode
        )
        self._makers = (
            (self._whole, 10),
            (self._with_values if structured else self._with_bytes, 45),
            (self._with_bytes, 30),
            (self._spliced, 8),
            (self._noise, 7),
        )
        self._cumulated: list[int] = []
        for _, weight in self._makers:
            before = self._cumulated[-1] if self._cumulated else 0
            self._cumulated.append(before + weight)

    def next(self) -> bytes:
        """The next frame."""
        [(maker, _)] = self._random.choices(
            self._makers, cum_weights=self._cumulated, k=1
        )
        return maker()

    def _whole(self) -> bytes:
        return self._random.choice(self._corpus)

    def _with_values(self) -> bytes:
        message = self._decode(self._random.choice(self._corpus))
        for _ in range(self._random.randint(1, 3)):
            self._spoil(message)
        return self._encode(message)

    def _spoil(self, message: dict[str, Any]) -> None:
        random = self._random
        where: Any = message
        key: Any = random.choice(list(where))
        while (
            isinstance(where[key], (dict, list))
            and where[key]
            and random.random() < 0.6
        ):
            where = where[key]
            key = random.choice(
                [*where] if isinstance(where, dict) else range(len(where))
            )
        if isinstance(where, dict) and random.random() < 0.15:
            if len(where) > 1:
                del where[key]
        elif isinstance(where, dict) and random.random() < 0.1:
            where[random.choice(("ref", "task", "new", ""))] = self._value()
        else:
            where[key] = self._value()

    def _value(self) -> Any:
        return deepcopy(self._random.choice(self._values))

    def _with_bytes(self) -> bytes:
        random = self._random
        data = bytearray(random.choice(self._corpus))
        for _ in range(random.randint(1, 4)):
            at = random.randrange(len(data) + 1)
            match random.randrange(6):
                case 0 if at < len(data):
                    data[at] ^= 1 << random.randrange(8)
                case 1 if at < len(data):
                    data[at] = random.randrange(256)
                case 2:
                    data[at:at] = random.choice(self._nasty)
                case 3:
                    del data[at:]
                case 4:
                    del data[at : at + random.randrange(1, 9)]
                case _:
                    data[at:at] = data[at : at + random.randrange(1, 40)]
        return bytes(data)

    def _spliced(self) -> bytes:
        one, other = self._random.choices(self._corpus, k=2)
        cut = self._random.randrange(len(one) + 1)
        return one[:cut] + other[self._random.randrange(len(other)) :]

    def _noise(self) -> bytes:
        return self._random.randbytes(self._random.randrange(200))


def _is_filled(value: Any) -> bool:
    return isinstance(value, dict | list) and bool(value)
