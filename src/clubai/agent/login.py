"""How an agent gets in: a ticket for each connection, and enrolment before the first.

The node's key is all that a login needs. Only a node that the coordinator does not
know needs more, once: an enrolment token, or an API key that makes one.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar
from urllib.parse import urlsplit, urlunsplit

import anyio
import httpx
import msgspec

from clubai import __version__
from clubai.crypto.enrolment import ENROLMENT_PREFIX
from clubai.crypto.identity import Identity
from clubai.errors import (
    AuthenticationError,
    ConfigError,
    ConnectFailed,
    PermissionDenied,
)
from clubai.model import node_nickname
from clubai.protocol.login import (
    CHALLENGE_PATH,
    ENROL_PATH,
    ENROLMENTS_PATH,
    LOGIN_PATH,
    Challenge,
    ChallengeRequest,
    EnrolmentMade,
    EnrolReply,
    EnrolRequest,
    LoginReply,
    LoginRequest,
    origin_of,
)
from clubai.protocol.session import NODE_PATH, enrol_bytes, login_bytes
from clubai.transport.target import refusal

T = TypeVar("T")

CALL_SECONDS: Final = 10.0
MAX_ANSWER_BYTES: Final = 1 << 16
OWN_TOKEN_SECONDS: Final = 60.0
"""How long a token is good that an agent makes for itself."""
JOINING: Final = "joining as a node"
_SCHEMES: Final = {"ws": "http", "wss": "https"}

logger = logging.getLogger(__name__)


class NodeLogin:
    """The ways in of one node to the coordinator at `url`.

    Args:
        url: The WebSocket address for nodes, as `config.node_url` makes it.
        identity: The node's.
        boot: The agent's process: 16 random bytes.
        name: What people call the node.
        token: An enrolment token, an API key or an access token of the owner; may be
            empty when the node is enrolled.
        clock: Unix seconds.

    Raises:
        ConfigError: there is no host that can be dialled in `url`.
    """

    def __init__(
        self,
        url: str,
        *,
        identity: Identity,
        boot: bytes,
        name: str,
        token: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        parts = urlsplit(url)
        base = parts.path.removesuffix(NODE_PATH)
        self.url = urlunsplit((_SCHEMES[parts.scheme], parts.netloc, base, "", ""))
        """The coordinator's HTTP address."""
        self._origin = _origin_of(self.url)
        self._identity = identity
        self._boot = boot
        self._name = name
        self._token = token
        self._clock = clock

    def __repr__(self) -> str:
        return f"NodeLogin({self.url!r})"

    async def ticket(self) -> str:
        """Prove the node's key, and enrol the node first when it is not known.

        Raises:
            ConnectFailed: the coordinator is not reached, or cannot take the node now;
                this machine's clock may be wrong. Trying again later may help.
            AuthenticationError: the node is not enrolled, and the token is not good.
            PermissionDenied: the node waits for its owner, was removed, or is another
                member's, or the owner has all the nodes that they may have.
        """
        try:
            return await self._log_in()
        except AuthenticationError:
            if not self._token:
                raise
        await self._enrol()
        return await self._log_in()

    async def _log_in(self) -> str:
        node = self._identity.node_id
        asked = ChallengeRequest(node=node)
        challenge = await self._post(CHALLENGE_PATH, asked, Challenge)
        now_ms = int(self._clock() * 1000)
        signed = login_bytes(self._origin, challenge.nonce, self._boot, now_ms)
        request = LoginRequest(
            node=node,
            nonce=challenge.nonce,
            boot=self._boot,
            now_ms=now_ms,
            sig=self._identity.sign(signed),
        )
        reply = await self._post(LOGIN_PATH, request, LoginReply)
        logger.debug("node %s is %s's", node_nickname(node), reply.owner)
        return reply.ticket

    async def _enrol(self) -> None:
        node, token = self._identity.node_id, self._token
        if not token.startswith(ENROLMENT_PREFIX):
            wanted = {"life_s": OWN_TOKEN_SECONDS}
            made = await self._post(ENROLMENTS_PATH, wanted, EnrolmentMade, key=token)
            token = made.token
        signed = enrol_bytes(token, self._origin, node)
        request = EnrolRequest(
            token=token,
            node=node,
            key=self._identity.key,
            now_ms=int(self._clock() * 1000),
            sig=self._identity.sign(signed),
            name=self._name,
        )
        reply = await self._post(ENROL_PATH, request, EnrolReply)
        nickname = node_nickname(node)
        logger.info("node %s is enrolled as %s's (%s)", nickname, reply.owner, self.url)

    async def _post(
        self, path: str, body: object, kind: type[T], *, key: str = ""
    ) -> T:
        headers = {"content-type": "application/json"}
        if key:
            headers["authorization"] = f"Bearer {key}"
        status, answer = await self._call(path, msgspec.json.encode(body), headers)
        if status in (200, 201):
            try:
                return msgspec.json.decode(answer, type=kind)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
                reason = f"it does not answer {path} like a coordinator"
                raise ConnectFailed(self.url, reason, status) from error
        reason = refusal(status, answer).reason
        if status == 401:
            raise AuthenticationError(reason)
        if status == 403:
            said_twice = f"{JOINING} is not allowed: "
            raise PermissionDenied(JOINING, reason.replace(said_twice, ""))
        raise ConnectFailed(self.url, reason, status)

    async def _call(
        self, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        """Make one call; no proxy is used and no redirect followed."""
        try:
            with anyio.fail_after(CALL_SECONDS):
                async with (
                    httpx.AsyncClient(
                        verify=_tls_context(self.url),
                        trust_env=False,
                        timeout=CALL_SECONDS,
                        headers={
                            "user-agent": f"clubai-agent/{__version__}",
                            "accept-encoding": "identity",
                        },
                        follow_redirects=False,
                    ) as http,
                    http.stream(
                        "POST", self.url + path, content=body, headers=headers
                    ) as response,
                ):
                    return response.status_code, await _bounded(response)
        except TimeoutError:
            reason = f"no answer within {CALL_SECONDS:g} s"
            raise ConnectFailed(self.url, reason) from None
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise ConnectFailed(self.url, reason) from error


async def _bounded(response: httpx.Response) -> bytes:
    chunks, answer = response.aiter_bytes(), b""
    while (chunk := await anext(chunks, None)) is not None:
        answer += chunk
        if len(answer) > MAX_ANSWER_BYTES:
            await response.aclose()
            # Under trio an async generator that is dropped half-way warns.
            with suppress(httpx.HTTPError, httpx.StreamError):
                while await anext(chunks, None) is not None:
                    pass
            raise httpx.StreamError(f"it answers more than {MAX_ANSWER_BYTES} bytes")
    return answer


def _tls_context(url: str) -> ssl.SSLContext:
    # Loading the system's certificates takes milliseconds; plain http needs none.
    if url.startswith("https:"):
        return ssl.create_default_context()
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _origin_of(url: str) -> str:
    try:
        return origin_of(httpx.URL(url).netloc.decode("ascii"))
    except (httpx.InvalidURL, ValueError) as error:
        fix = "give one such as ws://localhost:8000/nodes/connect"
        raise ConfigError("COORDINATOR_URL", url, fix) from error
