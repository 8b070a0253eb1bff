"""Which club a command talks to, and with which key.

Flags, then `CLUBAI_URL` and `CLUBAI_API_KEY` (both through click), then what
`clubai login` stored, then the default address. A stored key is only ever sent to the
club that it was stored for.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
import platformdirs

from clubai.errors import ConfigError
from clubai.model import Redacted

DEFAULT_URL: Final = "http://127.0.0.1:8000"
_TAILS: Final = ("/nodes/connect", "/v1")
_HTTP: Final = {"ws": "http", "wss": "https", "http": "http", "https": "https"}


class Login(Redacted, frozen=True, kw_only=True):
    """What `clubai login` keeps."""

    url: str
    api_key: str
    name: str = ""
    key_id: str = ""

    def __repr__(self) -> str:
        return f"Login(url={self.url!r}, name={self.name!r})"


class Place(Redacted, frozen=True, kw_only=True):
    """A club's address and the key to use there; the key may be empty."""

    url: str
    api_key: str = ""
    chosen: bool = True
    """False: nobody named this club, it is the default address."""

    def __repr__(self) -> str:
        return f"Place(url={self.url!r})"


def login_file() -> Path:
    """Where the login is kept, per user."""
    return Path(platformdirs.user_config_dir("clubai")) / "login.json"


def base_url(text: str) -> str:
    """The club's HTTP address from any address of it that people have at hand."""
    scheme, mark, rest = text.strip().partition("://")
    if not mark:
        scheme, rest = "http", scheme
    rest = rest.rstrip("/")
    if scheme.lower() not in _HTTP or not _host_of(f"http://{rest}"):
        raise ConfigError("url", text, "write it like http://127.0.0.1:8000")
    for tail in _TAILS:
        rest = rest.removesuffix(tail)
    return f"{_HTTP[scheme.lower()]}://{rest}"


def find(url: str | None, api_key: str | None) -> Place:
    """Choose the club and the key.

    Raises:
        ConfigError: the address is none, the key can be none, or the stored login is
            damaged.
    """
    found = _find(url, api_key)
    key = found.api_key
    if not (key.isascii() and key.isprintable()):
        fix = (
            "a key has printable ASCII characters only; copy it again to where it "
            "comes from: this option, CLUBAI_API_KEY, or `clubai login`"
        )
        raise ConfigError("--api-key", "(not shown)", fix)
    return found


def _find(url: str | None, api_key: str | None) -> Place:
    stored = load_login()
    if url:
        place = base_url(url)
        own = stored.api_key if stored and stored.url == place else ""
        return Place(url=place, api_key=api_key or own)
    if stored:
        return Place(url=stored.url, api_key=api_key or stored.api_key)
    return Place(url=DEFAULT_URL, api_key=api_key or "", chosen=False)


def load_login() -> Login | None:
    """Read what `clubai login` stored."""
    path = login_file()
    try:
        return msgspec.json.decode(path.read_bytes(), type=Login)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        fix = "it is damaged; run `clubai login` again"
        raise ConfigError("stored login", str(path), fix) from error


def store_login(login: Login) -> Path:
    """Keep `login`, readable by this user only."""
    path = login_file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, msgspec.json.encode(login))
    return path


def forget_login() -> bool:
    """Remove the stored login; False when there was none."""
    try:
        login_file().unlink()
    except FileNotFoundError:
        return False
    return True


def write_private(path: Path, content: bytes) -> None:
    """Replace the file at `path` in one step; nobody else can ever read it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def readable_by_others(path: Path) -> bool:
    """Whether group or others may read or write the file."""
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def _host_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        return parts.hostname or "" if parts.port != 0 else ""
    except ValueError:
        return ""
