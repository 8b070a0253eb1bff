from __future__ import annotations

from pathlib import Path

import pytest

from clubai.coordinator.config import CoordinatorConfig
from clubai.coordinator.signing import signing_identity
from clubai.errors import ConfigError


def test_the_key_comes_from_the_one_key_file_and_stays(tmp_path: Path) -> None:
    config = CoordinatorConfig(data=tmp_path)
    key = signing_identity(config).key

    assert signing_identity(config).key == key
    assert key not in config.key_file.read_bytes()
    assert signing_identity(CoordinatorConfig(data=tmp_path / "other")).key != key


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    config = CoordinatorConfig(data=tmp_path)
    config.key_file.write_bytes(b"short")
    config.key_file.chmod(0o600)
    with pytest.raises(ConfigError):
        signing_identity(config)
