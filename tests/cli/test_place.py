from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from clubai.cli import place
from clubai.errors import ConfigError

LOGIN = place.Login(url="http://club:1", api_key="secret-key", name="ada")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("https://club.example/v1/", "https://club.example"),
        ("ws://localhost:8000/nodes/connect", "http://localhost:8000"),
        ("wss://club.example/nodes/connect", "https://club.example"),
        ("localhost:8000", "http://localhost:8000"),
        ("https://club.example/house", "https://club.example/house"),
    ],
)
def test_any_address_of_a_club_leads_to_it(given: str, expected: str) -> None:
    assert place.base_url(given) == expected


@pytest.mark.parametrize("given", ["ftp://a", "http://", "http://a:x", "://", " "])
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match="write it like"):
        place.base_url(given)


def test_without_anything_it_is_the_default_that_nobody_chose() -> None:
    assert place.find(None, None) == place.Place(url=place.DEFAULT_URL, chosen=False)


@pytest.mark.parametrize("key", ["ключ", "a\nb", "schlüssel"])
def test_a_key_that_can_be_none_is_refused_and_not_shown(key: str) -> None:
    for url in (None, "http://club:1"):
        with pytest.raises(ConfigError, match="--api-key") as caught:
            place.find(url, key)
        assert key not in str(caught.value)
        assert key not in repr(caught.value)


def test_what_login_stored_is_used() -> None:
    place.store_login(LOGIN)

    found = place.find(None, None)

    assert (found.url, found.api_key) == (LOGIN.url, LOGIN.api_key)


def test_a_given_key_goes_before_the_stored_one() -> None:
    place.store_login(LOGIN)

    assert place.find(None, "other").api_key == "other"


def test_a_stored_key_is_not_sent_to_another_club() -> None:
    place.store_login(LOGIN)

    assert place.find("http://evil:1", None).api_key == ""
    assert place.find("http://club:1/v1", None).api_key == LOGIN.api_key


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_the_login_is_readable_by_its_user_only(umask: int) -> None:
    before = os.umask(umask)
    try:
        path = place.store_login(LOGIN)
        path = place.store_login(LOGIN)
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not place.readable_by_others(path)
    assert [path] == list(path.parent.iterdir())


def test_a_file_that_others_can_read_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    path.chmod(0o644)

    assert place.readable_by_others(path)


def test_a_login_is_forgotten_once() -> None:
    place.store_login(LOGIN)

    assert place.forget_login()
    assert not place.forget_login()
    assert place.load_login() is None


def test_a_damaged_login_says_what_to_do() -> None:
    path = place.store_login(LOGIN)
    path.write_text("{")

    with pytest.raises(ConfigError, match="clubai login"):
        place.load_login()


def test_keys_are_not_in_any_repr() -> None:
    assert "secret-key" not in repr(LOGIN)
    assert "secret-key" not in repr(place.Place(url="http://a", api_key="secret-key"))
