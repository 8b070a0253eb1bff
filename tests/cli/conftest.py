"""One club for the commands to talk to: `clubai up` over a server that parrots."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.commands import UpClub, started
from support.thread_backend import parrot


@pytest.fixture(scope="session")
def club(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpClub]:
    home = tmp_path_factory.mktemp("club")
    flags = ("--port", "0", "--agents", "2", "--data", "club", "--json")
    with (
        parrot() as backend,
        started(
            *("clubai.cli", "up", *flags, "--backend", backend.url), home=home
        ) as up,
    ):
        ready = up.ready()
        yield UpClub(ready["coordinator"], ready["api_key"])
        assert up.stop() == 0
