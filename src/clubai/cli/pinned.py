"""Where this user's pins and member key are, and which node a text means."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import platformdirs

from clubai.client.pins import pins_path
from clubai.crypto.identity import Identity
from clubai.crypto.keytext import KEY_TEXT_LENGTH, read_key
from clubai.errors import ConfigError
from clubai.model import NICKNAME_LENGTH


def trust_directory() -> Path:
    """Where all of it is, per user."""
    return Path(platformdirs.user_data_dir("clubai"))


def pins_file(url: str) -> Path:
    """What is remembered of the club at `url`."""
    return pins_path(trust_directory() / "clubs", url)


def member_key_file() -> Path:
    """The key that countersigns this member's nodes."""
    return trust_directory() / "member.key"


def member_identity() -> Identity:
    """The member's own key pair, made when it is first asked for.

    Raises:
        ConfigError, StorageError: the file cannot be used; it says what to do.
    """
    return Identity.load_or_create(member_key_file())


def find_node(text: str, nodes: Mapping[str, str]) -> str:
    """The id that `text` means: an id, the beginning of one, or a name.

    Args:
        text: What the member typed. All of an id needs no list.
        nodes: Names by id, of the nodes that may be meant.

    Raises:
        ConfigError: it means none of them, or several.
    """
    wanted = text.strip().lower()
    if len(wanted) == KEY_TEXT_LENGTH:
        return _checked(wanted)
    found = [
        node
        for node, name in nodes.items()
        if (len(wanted) >= NICKNAME_LENGTH and node.startswith(wanted))
        or (name and name.casefold() == text.strip().casefold())
    ]
    if len(found) == 1:
        return _checked(found[0])
    fix = (
        "several nodes are called so: give the whole id"
        if found
        else f"no node is called so: give its id, or the {NICKNAME_LENGTH} first"
        " characters of it (`clubai nodes`)"
    )
    raise ConfigError("node", text[:80], fix)


def _checked(node: str) -> str:
    read_key(node, "node")
    return node
