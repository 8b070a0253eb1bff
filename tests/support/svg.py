"""Pictures of screens as files: what `pytest --snapshot-update` writes."""

from __future__ import annotations

from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from syrupy.types import SerializableData, SerializedData


class Pictures(SingleFileSnapshotExtension):
    """Each in a file that a browser shows."""

    _write_mode = WriteMode.TEXT
    file_extension = "svg"

    def serialize(self, data: SerializableData, **_options: object) -> SerializedData:
        return str(data)
