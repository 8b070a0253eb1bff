"""A command on a pseudo-terminal, and what stands on its screen.

A thread reads what the command writes, so that it never waits for us, and paints it on
a screen of cells. Only what Textual writes is understood: places, colours, text.
"""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

COLUMNS: Final = 140
LINES: Final = 40
STOP_SECONDS: Final = 10.0
_PIECE: Final = re.compile(
    r"\x1b\[(?P<csi>[0-9;?<>=$]*)(?P<final>[a-zA-Z~])"
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1bP[^\x1b]*\x1b\\|\x1b[^\[\]P]"
    r"|(?P<line>[\r\n])|(?P<text>[^\x1b\r\n]+)"
)
_OPEN: Final = re.compile(r"\x1b[^\x1b]*\Z")


class Screen:
    """What was written, cell by cell."""

    def __init__(self, columns: int = COLUMNS, lines: int = LINES) -> None:
        self._columns = columns
        self._texts = [[" "] * columns for _ in range(lines)]
        self._grounds = [[""] * columns for _ in range(lines)]
        self._x = self._y = 0
        self._ground = ""
        self._rest = ""

    def write(self, text: str) -> None:
        """Paint it."""
        text, self._rest = self._rest + text, ""
        end = 0
        for piece in _PIECE.finditer(text):
            if piece.start() != end:
                break
            if piece["text"] is not None:
                self._paint(piece["text"])
            elif piece["line"] == "\r":
                self._x = 0
            elif piece["line"] == "\n":
                self._y = min(self._y + 1, len(self._texts) - 1)
            elif piece["final"] == "H":
                self._move(piece["csi"])
            elif piece["final"] == "m":
                self._colour(piece["csi"])
            end = piece.end()
        self._rest = text[end:] if _OPEN.match(text[end:]) else ""

    def line(self, y: int) -> str:
        """The text of a line."""
        return "".join(self._texts[y])

    def text(self) -> str:
        """All lines."""
        return "\n".join(map(self.line, range(len(self._texts))))

    def ground(self, y: int, x: int = 2) -> str:
        """What is behind a cell."""
        return self._grounds[y][x]

    def _paint(self, text: str) -> None:
        for sign in text:
            if self._x < self._columns:
                self._texts[self._y][self._x] = sign
                self._grounds[self._y][self._x] = self._ground
            self._x += 1

    def _move(self, csi: str) -> None:
        y, _, x = csi.partition(";")
        self._y = min(int(y or 1), len(self._texts)) - 1
        self._x = int(x or 1) - 1

    def _colour(self, csi: str) -> None:
        codes = csi.split(";")
        while codes:
            code = codes.pop(0)
            if code in ("38", "48"):
                many = 4 if codes[:1] == ["2"] else 2
                if code == "48":
                    self._ground = ";".join(codes[:many])
                del codes[:many]
            elif code in ("", "0", "49"):
                self._ground = ""
            elif code == "7":
                self._ground += "!"


class Terminal:
    """A command on a terminal; `screen` may be looked at under `changed`."""

    def __init__(self, process: subprocess.Popen[bytes], fd: int) -> None:
        self.process = process
        self.pid = process.pid
        self.screen = Screen()
        self.bytes = 0
        """That were written."""
        self.changed = threading.Condition()
        self._fd = fd
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._read_at = time.perf_counter()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._fd, text.encode())

    def wait_for(
        self, seen: Callable[[Screen], bool], what: str, seconds: float = 20.0
    ) -> float:
        """Wait until the screen is so; gives when those bytes had come.

        Raises:
            RuntimeError: it never was.
        """
        deadline = time.perf_counter() + seconds
        with self.changed:
            while not seen(self.screen):
                left = deadline - time.perf_counter()
                if left <= 0 or not self._reading.is_alive():
                    raise RuntimeError(f"{what} was not seen:\n{self.screen.text()}")
                self.changed.wait(min(left, 1.0))
            return self._read_at

    def _read(self) -> None:
        with suppress(OSError):  # the other side is closed
            while piece := os.read(self._fd, 1 << 16):
                at = time.perf_counter()
                with self.changed:
                    self.bytes += len(piece)
                    self.screen.write(self._decode(piece))
                    self._read_at = at
                    self.changed.notify_all()


@contextmanager
def terminal(arguments: Sequence[str], home: Path) -> Iterator[Terminal]:
    """Run `python *arguments` on a terminal of 140x40 until the block ends."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    env = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    for name in ("NO_COLOR", "TEXTUAL_DRIVER", "TEXTUAL_THEME", "COLUMNS", "LINES"):
        env.pop(name, None)
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**env, "HOME": str(home), "CI": ""},
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(ours)
