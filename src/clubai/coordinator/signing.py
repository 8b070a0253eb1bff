"""The key that the coordinator signs with: assignments, and checkpoints."""

from __future__ import annotations

from typing import Final

from clubai.coordinator.accounts import secret_in
from clubai.coordinator.config import CoordinatorConfig
from clubai.crypto.identity import Identity
from clubai.crypto.keys import derive
from clubai.crypto.keytext import key_text

SIGN_LABEL: Final = b"clubai/1 sign"


def signing_identity(config: CoordinatorConfig) -> Identity:
    """The key pair from the coordinator's one key file, which is made when missing.

    Members pin it: whoever replaces the file makes every member's client refuse the
    club until they pin the new key.

    Raises:
        ConfigError: the file cannot be used; it says what to do.
    """
    return Identity(derive(secret_in(config.key_file), SIGN_LABEL))


def log_origin(key: bytes) -> str:
    """What the key log of the coordinator with this public key calls itself."""
    return f"clubai/{key_text(key)}"
