from __future__ import annotations

from pathlib import Path

import pytest

from clubai.cli.connecting import open_client, trust_for
from clubai.cli.pinned import pins_file
from clubai.cli.place import Place
from clubai.client.pins import Pins
from clubai.club import open_club
from clubai.crypto.keytext import key_text
from clubai.errors import ConfigError, TrustError
from clubai.model import TrustCode


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


async def test_the_first_key_is_kept_and_another_club_there_is_refused(
    tmp_path: Path,
) -> None:
    async with open_club(agents=0, data=tmp_path / "club") as club:
        place = Place(url=club.url, api_key=club.api_key)
        async with open_client(place) as client:
            assert client.readable_by == "node"
        kept = Pins.load(pins_file(club.url)).club
        assert kept.key

        with Pins.editing(pins_file(club.url)) as remembered:
            remembered.key = key_text(b"\x01" * 32)
        with pytest.raises(TrustError) as caught:
            async with open_client(place):
                pytest.fail("it is another club")

    assert caught.value.code is TrustCode.COORDINATOR_CHANGED


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = pins_file("http://127.0.0.1:1")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"torn")
    path.chmod(0o600)

    with pytest.raises(ConfigError, match="trust file"):
        trust_for("http://127.0.0.1:1")
