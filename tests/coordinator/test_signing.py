from __future__ import annotations

from pathlib import Path

import pytest

from clubai.coordinator.config import CoordinatorConfig
from clubai.coordinator.signing import log_origin, signing_identity
from clubai.crypto.keys import JWT_LABEL, PEPPER_LABEL, derive
from clubai.errors import ConfigError


def test_the_key_is_of_the_key_file_and_of_nothing_else(tmp_path: Path) -> None:
    config = CoordinatorConfig(data=tmp_path / "data")
    other = CoordinatorConfig(data=tmp_path / "other")

    key = signing_identity(config).key

    assert signing_identity(config).key == key
    assert signing_identity(other).key != key
    assert log_origin(key) != log_origin(signing_identity(other).key)
    secret = config.key_file.read_bytes()
    assert secret not in (key, derive(secret, JWT_LABEL), derive(secret, PEPPER_LABEL))


def test_a_file_that_is_no_key_is_refused(tmp_path: Path) -> None:
    config = CoordinatorConfig(data=tmp_path)
    config.key_file.write_bytes(b"short")
    config.key_file.chmod(0o600)

    with pytest.raises(ConfigError, match="32 bytes"):
        signing_identity(config)
