"""A line to a server on loopback that can be cut at any moment, and comes again."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit


class CutLine:
    """Passes bytes both ways between whoever connects and a server."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        self._target = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> int:
        """End all connections, in the middle of whatever is on them."""
        with self._lock:
            cut, self._open = self._open, []
        for end in cut:
            _shut(end)
        return len(cut) // 2

    def close(self) -> None:
        _shut(self._listener)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
                server = socket.create_connection(self._target)
            except OSError:
                return
            with self._lock:
                self._open += [caller, server]
            ends = (caller, server)
            threading.Thread(target=_carry, args=ends, daemon=True).start()


def _carry(caller: socket.socket, server: socket.socket) -> None:
    back = threading.Thread(target=_pass, args=(server, caller), daemon=True)
    with caller, server:
        back.start()
        _pass(caller, server)
        back.join()


def _pass(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(1 << 16):
            target.sendall(piece)
    except OSError:
        pass
    _shut(source)
    _shut(target)


def _shut(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


@contextmanager
def cut_line(url: str) -> Iterator[CutLine]:
    """A line to the server at `url` until the block ends."""
    line = CutLine(url)
    try:
        yield line
    finally:
        line.close()
