"""Everything that can be set about an agent."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

from clubai.errors import ConfigError
from clubai.model import Redacted
from clubai.protocol.session import NODE_PATH

NAME_LENGTH: Final = 256
_SCHEMES: Final = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}


class BackendConfig(Redacted, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which local model server to use. All empty: look for one on this machine."""

    kind: str = ""
    """lmstudio, ollama, llamacpp, vllm, localai or generic; empty: find out."""
    url: str = ""
    api_key: str = ""
    slots: int = 0
    """Requests at the same time; 0: what the server says."""
    embedded: bool = False
    """Start the embedded model in a child process instead."""
    model: str = ""
    """With `embedded`: a model's name or a GGUF file; empty: the default model."""
    threads: int = 1
    """With `embedded`: processor threads."""
    context: int = 2048
    """With `embedded`: tokens of one slot."""
    open_ok: bool = False
    """Use the server even where others can reach it without a key."""

    def __post_init__(self) -> None:
        if self.slots < 0 or self.threads < 1 or self.context < 128:
            msg = "slots must be 0 or more, threads 1 or more, context 128 or more"
            raise ValueError(msg)

    def __repr__(self) -> str:
        return f"BackendConfig(kind={self.kind!r}, url={self.url!r})"


class AgentConfig(Redacted, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of one agent. Times are in seconds."""

    coordinator_url: str = "ws://127.0.0.1:8000/nodes/connect"
    token: str = ""
    """An API key, an access token or an enrolment token of the node's owner. Only for
    the first start: once the node is enrolled its own key is enough."""
    enrol: str = ""
    """An enrolment token, in place of `token`."""
    name: str = "node"
    """What people call the node; unique in the club."""
    data: Path = Path("data")
    """Where the node's identity key is kept (`node.key`)."""
    backend: BackendConfig = BackendConfig()
    vram_gb: float = 0.0
    """Shown to the club; nothing decides by it."""
    look_s: float = 15.0
    """How often the backend's models and slots are read again."""
    audit_s: float = 3600.0
    """How often the club's key log is searched for keys of this node that are not its
    own."""
    request_timeout_s: float = 600.0
    """Longest one request may run, whatever the coordinator allows."""

    def __post_init__(self) -> None:
        times = (self.look_s, self.audit_s, self.request_timeout_s)
        if not (all(time > 0 for time in times) and self.vram_gb >= 0):
            msg = (
                "look_s, audit_s and request_timeout_s must be above 0,"
                " vram_gb 0 or more"
            )
            raise ValueError(msg)
        name = self.name
        if not 0 < len(name) <= NAME_LENGTH or name != name.strip():
            msg = f"name is {name[:80]!r}: give 1 to {NAME_LENGTH} characters without"
            raise ValueError(f"{msg} spaces at the ends (NODE_ID)")
        if not name.isprintable():
            msg = f"name is {name[:80]!r}: give printable characters only (NODE_ID)"
            raise ValueError(msg)
        for field in ("token", "enrol"):
            text = getattr(self, field)
            if not (text.isascii() and text.isprintable()):
                msg = f"{field} has characters that no key has: give it without"
                raise ValueError(f"{msg} line ends")

    def __repr__(self) -> str:
        return f"AgentConfig(name={self.name!r}, {self.coordinator_url!r})"

    @property
    def key_file(self) -> Path:
        """Where the node's identity is kept."""
        return self.data / "node.key"


def node_url(url: str) -> str:
    """The WebSocket address for nodes at a club's address; a given path is kept.

    Raises:
        ConfigError: `url` is no http, https, ws or wss URL, or holds credentials.
    """
    parts = _split(url if "://" in url else f"ws://{url}")
    if parts is None or parts.scheme not in _SCHEMES or not parts.hostname:
        raise ConfigError(
            "COORDINATOR_URL", url, "give one such as ws://localhost:8000/nodes/connect"
        )
    if parts.username is not None:
        shown = f"{parts.scheme}://...@{parts.netloc.rpartition('@')[2]}"
        fix = "leave the credentials out, and give the API key by itself"
        raise ConfigError("COORDINATOR_URL", shown, fix)
    path = parts.path if parts.path not in ("", "/") else NODE_PATH
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, path, "", ""))


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # looked at only now
    except ValueError:
        return None
    return parts
