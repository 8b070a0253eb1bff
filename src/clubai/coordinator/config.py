"""Everything that can be set about a coordinator."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Literal

import msgspec

from clubai.coordinator.limits import EdgeLimits
from clubai.core.limits import CoordinatorLimits
from clubai.model import Redacted
from clubai.protocol.login import origin_of
from clubai.protocol.session import HEARTBEAT_SECONDS, LOGIN_SECONDS
from clubai.reputation.rules import CLUB, POLICIES, Rules
from clubai.transport.addresses import is_loopback
from clubai.transport.limits import ServerLimits

Registration = Literal["open", "invite", "closed"]


class CoordinatorConfig(
    Redacted, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Settings of one coordinator. Times are in seconds, sizes in bytes."""

    host: str = "127.0.0.1"
    port: int = 8000
    """0: any free port."""
    name: str = "club"
    data: Path = Path("data")
    """Where the database and the key files are; made when missing, mode 0700."""
    database_url: str = ""
    """Empty: `clubai.db` in `data`."""
    jwt_secret: str = ""
    """At least 32 bytes. Empty: made from the key file. Several, separated by commas
    or line ends: the first signs tokens, all verify them."""
    key_path: Path | None = None
    """The coordinator's key file: 32 random bytes, made when missing, mode 0600. None:
    `coordinator.key` in `data`. What signs tokens and hashes API keys comes from it."""
    registration: Registration | Literal[""] = ""
    """Who may make an account: `open` anyone who reaches the address, `invite` whoever
    a member invites, `closed` nobody but the first. Empty: open on loopback, invite
    elsewhere."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks (`10.0.0.0/8`) whose `X-Forwarded-For` is believed."""
    origins: tuple[str, ...] = ()
    """Every address by which agents dial this coordinator, such as `club.example` or
    `192.0.2.7:8000`; nodes sign the one that they dialled. Empty: whatever the request
    names, so that a false coordinator may pass a node's login on to this one."""
    max_nodes_member: int = 5
    """Nodes that one member may enrol; operators may enrol any number."""
    hosts: str | tuple[str, ...] = ()
    """Names under which it is reached, without port; in a text separated by commas.
    See `served_names`."""
    max_connections: int = 20_000
    """Of nodes, clients and HTTP requests together; further ones get a 503."""
    edge: EdgeLimits = EdgeLimits()
    heartbeat_s: float = HEARTBEAT_SECONDS
    login_s: float = LOGIN_SECONDS
    shutdown_s: float = 1.5
    """How long answers that are under way may go on when the coordinator stops."""
    limits: CoordinatorLimits = CoordinatorLimits()
    without_policies: str | tuple[str, ...] = ()
    """Policies of reputation that are off, by name; in a text separated by commas.
    See `clubai.reputation.rules`."""
    currency: str = "EUR"
    """Of fees and pay; a club has one."""
    rate_card: Path | None = None
    """What work is worth, as TOML; None: the club's own card."""
    cap_bp: int = 10_000
    """The most of a month's pool that one member gets, in hundredths of a percent."""
    two_people: bool = False
    """To close a month takes two operators or treasurers."""
    checks: bool = True
    """Whether the club audits its nodes by questions of its own."""

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            msg = f"port is {self.port}, it must be between 0 and 65535"
            raise ValueError(msg)
        if self.jwt_secret and min(map(len, self.jwt_secrets), default=0) < 32:
            msg = "jwt_secret has fewer than 32 bytes: try `openssl rand -hex 32`"
            raise ValueError(msg)
        for origin in self.origins:
            origin_of(origin)
        if self.max_nodes_member < 0:
            msg = f"max_nodes_member is {self.max_nodes_member}, it must not be below 0"
            raise ValueError(msg)
        for proxy in self.trusted_proxies:
            if not is_network(proxy):
                msg = f"trusted_proxies has {proxy!r}, which is no address or network"
                raise ValueError(msg)
        for field in ("heartbeat_s", "login_s"):
            if not getattr(self, field) > 0:
                msg = f"{field} is {getattr(self, field)}, it must be above 0"
                raise ValueError(msg)
        if not self.shutdown_s >= 0:
            msg = f"shutdown_s is {self.shutdown_s}, it must not be below 0"
            raise ValueError(msg)

        self._check_terms()

    def _check_terms(self) -> None:
        if not re.fullmatch("[A-Z]{3}", self.currency):
            msg = f"currency is {self.currency!r}, it must be three letters such as EUR"
            raise ValueError(msg)
        if not 0 < self.cap_bp <= 10_000:
            msg = f"cap_bp is {self.cap_bp}, it must be between 1 and 10000"
            raise ValueError(msg)
        for policy in _listed(self.without_policies):
            if policy not in POLICIES:
                known = ", ".join(POLICIES)
                msg = f"without_policies has {policy!r}, it must be one of {known}"
                raise ValueError(msg)

    def __repr__(self) -> str:
        address = f"host={self.host!r}, port={self.port}"
        return f"CoordinatorConfig({address}, data={self.data!r})"

    @property
    def jwt_secrets(self) -> tuple[bytes, ...]:
        """`jwt_secret` as the environment has it, even where that is no UTF-8."""
        text = self.jwt_secret.encode("utf-8", "surrogateescape")
        parts = (part.strip() for part in text.replace(b"\n", b",").split(b","))
        return tuple(part for part in parts if part)

    @property
    def database(self) -> str:
        """The database's URL with the default filled in."""
        return self.database_url or f"sqlite:///{self.data / 'clubai.db'}"

    @property
    def key_file(self) -> Path:
        """The key file with the default filled in."""
        return self.key_path or self.data / "coordinator.key"

    def origins_for(self, host: str) -> tuple[str, ...]:
        """The addresses that a node may have signed, in a request for `host`."""
        if self.origins:
            return tuple(dict.fromkeys(map(origin_of, self.origins)))
        try:
            return (origin_of(host),)
        except ValueError:
            return ()

    @property
    def served_names(self) -> tuple[str, ...]:
        """The `Host` names that are answered to; empty: any.

        On loopback only its own names and `hosts` are: a web page whose name was made
        to point here (DNS rebinding) is not. Elsewhere any are, unless `hosts` says
        which.
        """
        named = _listed(self.hosts)
        if not named and not is_loopback(self.host):
            return ()
        own = f"[{self.host}]" if ":" in self.host else self.host
        return (*named, own, "localhost", "127.0.0.1", "[::1]")

    @property
    def server_limits(self) -> ServerLimits:
        """What the HTTP server in front of it allows."""
        return ServerLimits(
            max_connections=self.max_connections,
            max_connections_per_address=self.edge.connections_per_address,
            count_loopback=self.edge.count_loopback,
            max_memory_mb=self.edge.max_memory_mb,
            trusted_proxies=self.trusted_proxies,
            server_names=self.served_names,
        )

    @property
    def rules(self) -> Rules:
        """The rules of reputation, without the policies that are off."""
        off = dict.fromkeys(_listed(self.without_policies), False)
        return msgspec.structs.replace(CLUB, **off)

    @property
    def registration_rule(self) -> Registration:
        """`registration` with the default filled in."""
        if self.registration:
            return self.registration
        return "open" if is_loopback(self.host) else "invite"


def _listed(given: str | tuple[str, ...]) -> tuple[str, ...]:
    entries = given.split(",") if isinstance(given, str) else given
    return tuple(entry.strip() for entry in entries if entry.strip())


def is_network(text: str) -> bool:
    """Tell whether it is an address or a network."""
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True
