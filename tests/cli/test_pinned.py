from __future__ import annotations

import stat
from pathlib import Path

import pytest

from clubai.cli import pinned
from clubai.errors import ConfigError
from clubai.model import node_text
from support.bundles import identity

ATTIC, CELLAR = (node_text(identity(name).node_id) for name in ("attic", "cellar"))
NODES = {ATTIC: "attic", CELLAR: "Cellar"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path


def test_all_is_in_the_users_data_directory(tmp_path: Path) -> None:
    assert pinned.pins_file("http://127.0.0.1:8000").is_relative_to(tmp_path)
    assert pinned.pins_file("http://a").parent == pinned.pins_file("http://b").parent


def test_the_members_key_is_made_once_for_them_only() -> None:
    key = pinned.member_identity().key

    assert pinned.member_identity().key == key
    assert stat.S_IMODE(pinned.member_key_file().stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "text", [ATTIC, ATTIC.upper(), ATTIC[:12], f" {ATTIC[:20]} ", "attic", "ATTIC"]
)
def test_a_node_is_found_by_id_nickname_and_name(text: str) -> None:
    assert pinned.find_node(text, NODES) == ATTIC


def test_a_whole_id_needs_no_list() -> None:
    assert pinned.find_node(ATTIC, {}) == ATTIC


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("roof", "no node is called so"),
        (ATTIC[:11], "no node is called so"),
        ("", "no node is called so"),
        ("1" * 52, "give all 52 characters"),
        (ATTIC[:51] + "1", "give all 52 characters"),
    ],
)
def test_what_means_no_node_is_refused(text: str, fix: str) -> None:
    with pytest.raises(ConfigError, match=fix):
        pinned.find_node(text, NODES)


def test_what_means_two_nodes_is_refused() -> None:
    with pytest.raises(ConfigError, match="several"):
        pinned.find_node("attic", {ATTIC: "attic", CELLAR: "Attic"})


def test_an_id_that_the_club_made_up_is_refused() -> None:
    with pytest.raises(ConfigError, match="52 characters"):
        pinned.find_node("attic", {"../../x": "attic"})
