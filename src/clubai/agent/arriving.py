"""A request on its way in: its records, until it is whole."""

from __future__ import annotations

from clubai.agent.intake import Admitted
from clubai.protocol.messages import TaskRecord
from clubai.protocol.records import RecordReader


class Arriving:
    """A request whose records are still coming."""

    def __init__(self, admitted: Admitted) -> None:
        self.admitted = admitted
        self._reader = RecordReader(admitted.seal.records)
        self._pieces: list[bytes] = []

    def add(self, record: TaskRecord) -> bool:
        """Take one record; True when the request is whole."""
        self._pieces.append(self._reader.read(record)[1])
        return self._reader.finished

    @property
    def body(self) -> bytes:
        """The request."""
        return b"".join(self._pieces)
