"""The coordinator's signing key: who says assignments and the key log."""

from __future__ import annotations

from typing import Final

from clubai.coordinator.accounts import coordinator_secret
from clubai.coordinator.config import CoordinatorConfig
from clubai.crypto.identity import Identity
from clubai.crypto.keys import derive

SIGNING_LABEL: Final = b"clubai/1 sign"


def signing_identity(config: CoordinatorConfig) -> Identity:
    """The key that comes from the coordinator's one key file, made when missing.

    Raises:
        ConfigError: the file cannot be used; it says what to do.
    """
    return Identity(derive(coordinator_secret(config.key_file), SIGNING_LABEL))
