from __future__ import annotations

import base64
import json

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.coordinator.tokens import (
    TOKEN_LIFETIME_S,
    Claims,
    Token,
    Tokens,
)
from clubai.errors import AuthenticationError, ConfigError
from clubai.model import MemberId
from support.clock import Clock

SECRET = b"s" * 32
ALICE = MemberId("m_alice")


def claims(clock: Clock, **changes: object) -> dict[str, object]:
    good: dict[str, object] = {
        "iss": "clubai",
        "aud": "clubai/api",
        "sub": ALICE,
        "iat": int(clock.now),
        "exp": int(clock.now) + 60,
        "jti": "1",
        "token_epoch": 0,
        "login": "f",
    }
    return {name: value for name, value in {**good, **changes}.items() if value != ""}


def kid_of(secret: bytes) -> str:
    tokens = Tokens((secret,), clock=Clock())
    access = tokens.issue(ALICE, token_epoch=0, login="f").access
    return str(jwt.get_unverified_header(access)["kid"])


def signed(
    claims: dict[str, object], secret: bytes = SECRET, *, kid: str = "", **more: str
) -> str:
    headers = {"kid": kid or kid_of(SECRET), **more}
    return jwt.encode(claims, secret, algorithm="HS256", headers=headers)


def refusal(tokens: Tokens, access: str) -> str:
    with pytest.raises(AuthenticationError) as refused:
        tokens.read(access)
    return refused.value.reason


def test_token_says_who_until_when_and_of_which_epoch() -> None:
    clock = Clock()
    tokens = Tokens((SECRET,), clock=clock)

    token = tokens.issue(ALICE, token_epoch=3, login="f")

    assert token.expires_at == clock.now + 600 == clock.now + TOKEN_LIFETIME_S
    assert tokens.read(token.access) == Claims(ALICE, int(token.expires_at), 3, "f")
    body = jwt.decode(token.access, options={"verify_signature": False})
    assert set(body) == {
        *("exp", "iat", "aud", "iss", "sub", "jti", "token_epoch", "login")
    }
    header = jwt.get_unverified_header(token.access)
    assert header == {"alg": "HS256", "typ": "JWT", "kid": kid_of(SECRET)}


def test_no_two_tokens_are_the_same() -> None:
    tokens = Tokens((SECRET,), clock=Clock())

    assert tokens.issue(ALICE, token_epoch=0, login="f") != tokens.issue(
        ALICE, token_epoch=0, login="f"
    )


def test_token_ends_by_the_clock_it_was_given() -> None:
    clock = Clock(now=1000.0)
    tokens = Tokens((SECRET,), clock=clock, lifetime_s=60)
    access = tokens.issue(ALICE, token_epoch=0, login="f").access

    clock.forward(59.9)
    tokens.read(access)
    clock.forward(0.1)
    assert refusal(tokens, access) == "the token has expired: log in again"


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "another"},
        {"aud": "clubai/ws"},
        {"sub": 7},
        {"exp": "soon"},
        {"exp": 1e400},
        {"token_epoch": None},
        {"login": 7},
        *({name: ""} for name in ("iss", "aud", "sub", "iat", "exp", "jti")),
        {"token_epoch": ""},
        {"login": ""},
    ],
)
def test_claims_must_be_ours_and_complete(change: dict[str, object]) -> None:
    clock = Clock()
    tokens = Tokens((SECRET,), clock=clock)
    tokens.read(signed(claims(clock)))

    access = signed(claims(clock, **change))

    assert "not valid" in refusal(tokens, access)


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(b"t" * 32, "HS256"), (b"s" * 64, "HS512"), (SECRET, "HS384"), ("", "none")],
)
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_only_our_key_and_algorithm_count(key: bytes | str, algorithm: str) -> None:
    clock = Clock()
    headers = {"kid": kid_of(SECRET)}
    access = jwt.encode(claims(clock), key, algorithm=algorithm, headers=headers)

    assert "not valid" in refusal(Tokens((SECRET,), clock=clock), access)


def test_header_cannot_choose_the_algorithm() -> None:
    clock = Clock()
    tokens = Tokens((SECRET,), clock=clock)
    _, body, signature = tokens.issue(ALICE, token_epoch=0, login="f").access.split(".")
    kid = kid_of(SECRET)
    for header in (
        {"alg": "none", "kid": kid},
        {"alg": "HS256", "kid": kid, "crit": ["x"]},
        {"kid": kid},
        {"alg": "HS256"},
        {"alg": "HS256", "kid": "unknown"},
        {"alg": "HS256", "kid": [kid]},
        {"alg": "HS256", "kid": {}},
    ):
        head = base64.urlsafe_b64encode(json.dumps(header).encode()).decode()
        for sign in ("", signature):
            assert "not valid" in refusal(tokens, f"{head.rstrip('=')}.{body}.{sign}")


def test_header_that_is_deep_is_refused() -> None:
    head = base64.urlsafe_b64encode(b"[" * 100_000).decode().rstrip("=")

    assert "not valid" in refusal(Tokens((SECRET,), clock=Clock()), f"{head}.e30.eA")


@given(st.text(max_size=60))
def test_any_text_is_refused(text: str) -> None:
    assert "not valid" in refusal(Tokens((SECRET,), clock=Clock()), text)


@given(
    place=st.integers(0, 200), letter=st.characters(min_codepoint=33, max_codepoint=126)
)
def test_changed_token_is_refused(place: int, letter: str) -> None:
    tokens = Tokens((SECRET,), clock=Clock())
    access = tokens.issue(ALICE, token_epoch=0, login="f").access
    changed = access[:place] + letter + access[place + 1 :]

    if changed != access:
        assert "not valid" in refusal(tokens, changed)


def test_a_secret_is_replaced_without_ending_the_tokens() -> None:
    clock, new = Clock(), b"n" * 32
    before = Tokens((SECRET,), clock=clock)
    both = Tokens((new, SECRET), clock=clock)
    after = Tokens((new,), clock=clock)
    old, fresh = (
        tokens.issue(ALICE, token_epoch=0, login="f").access
        for tokens in (before, both)
    )

    both.read(old)
    both.read(fresh)
    after.read(fresh)
    assert "not valid" in refusal(after, old)
    assert "not valid" in refusal(before, fresh)


def test_a_key_id_does_not_stand_in_for_its_secret() -> None:
    clock, new = Clock(), b"n" * 32
    both = Tokens((new, SECRET), clock=clock)

    forged = signed(claims(clock), new, kid=kid_of(SECRET))

    assert "not valid" in refusal(both, forged)
    both.read(signed(claims(clock), new, kid=kid_of(new)))


@pytest.mark.parametrize("secrets", [(), (SECRET, b"hunter2")])
def test_every_secret_must_be_long(secrets: tuple[bytes, ...]) -> None:
    with pytest.raises(ConfigError, match="JWT_SECRET"):
        Tokens(secrets, clock=Clock())


def test_short_secret_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigError) as refused:
        Tokens((b"hunter2",), clock=Clock())

    assert refused.value.field == "JWT_SECRET"
    assert "hunter2" not in str(refused.value)
    assert "openssl rand -hex 32" in refused.value.fix


def test_repr_hides_the_token() -> None:
    assert "eyJ" not in repr(Token(access="eyJ", expires_at=1.0))
