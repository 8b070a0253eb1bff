"""The statement of a month: what was divided, who got what, and the proofs of it.

A statement's `body` is signed as the bytes that it is. It names the root of a tree over
all payouts. Members are in it under pseudonyms that are new each month, and each knows
their own. The list of all payouts goes with it: a root alone does not prove a sum.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from clubai.crypto import merkle
from clubai.economics import canonical
from clubai.economics.close import Closing
from clubai.economics.metering import Standing, snapshot
from clubai.economics.month import Period
from clubai.economics.ratecard import RateCard
from clubai.economics.settling import Item
from clubai.model import MemberId, NodeId, Value, node_text

FORMAT: Final = "clubai-statement/1"
SALT_SIZE: Final = 16

BODY_LABEL: Final = b"clubai/1 statement\0"
OWN_LABEL: Final = b"clubai/1 own statement\0"
_LEAF_LABEL: Final = b"clubai/1 payout\0"
_NAME_LABEL: Final = b"clubai/1 pseudonym\0"
_NAME_BYTES: Final = 10

Sign = Callable[[bytes], bytes]
"""Signs what it is given: an `Identity`'s `sign`."""


class Leaf(Value, frozen=True, kw_only=True):
    """One payout as it is published."""

    member: str
    """The pseudonym of this month."""
    minor: int
    month: str
    wu: int
    """Weighted work units."""
    salt: bytes
    """16 bytes: no two leaves of any months are alike."""

    @property
    def hash(self) -> bytes:
        """Its hash in the tree."""
        told = {
            "member": self.member,
            "minor": self.minor,
            "month": self.month,
            "wu": self.wu,
        }
        return merkle.leaf_hash(_LEAF_LABEL + self.salt + canonical.encode(told))

    @property
    def published(self) -> dict[str, Any]:
        """The leaf as JSON has it."""
        return {
            "member": self.member,
            "minor": self.minor,
            "month": self.month,
            "wu": self.wu,
            "salt": self.salt.hex(),
        }


class Statement(Value, frozen=True, kw_only=True):
    """A statement that was made: the parts of its file."""

    body: bytes
    signature: bytes
    leaves: tuple[Leaf, ...]
    """Sorted by pseudonym: the tree's order."""
    names: Mapping[MemberId, str]
    """Whose pseudonym is which: this is not published."""
    rate_card: Mapping[str, Any]
    points: Sequence[Sequence[object]]

    @property
    def file(self) -> bytes:
        """The file that everybody may have."""
        return canonical.encode(self._parts())

    def file_for(self, own: bytes, signature: bytes) -> bytes:
        """The file with one member's own part (see `own_part`)."""
        return with_own(self.file, own, signature)

    def _parts(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "body": _text(self.body),
            "sig": _text(self.signature),
            "leaves": [each.published for each in self.leaves],
            "rate_card": self.rate_card,
            "points": self.points,
        }


def with_own(file: bytes, own: bytes, signature: bytes) -> bytes:
    """A stored file with one member's own part."""
    part = {"body": _text(own), "sig": _text(signature)}
    return canonical.encode(canonical.decode(file) | {"own": part})


def leaves_in(file: bytes) -> tuple[Leaf, ...]:
    """The leaves of a stored file that is known to be good."""
    return tuple(
        Leaf(**(each | {"salt": bytes.fromhex(each["salt"])}))
        for each in canonical.decode(file)["leaves"]
    )


def body_in(file: bytes) -> bytes:
    """The signed body of a stored file that is known to be good."""
    return base64.b64decode(canonical.decode(file)["body"])


def pseudonym(secret: bytes, month: str, member: MemberId) -> str:
    """A member's name in a month's statement: 16 characters of base32.

    It is the begin of HMAC-SHA256(secret, label || month || NUL || member).
    """
    told = _NAME_LABEL + f"{month}\0{member}".encode()
    digest = hmac.digest(secret, told, "sha256")
    return base64.b32encode(digest[:_NAME_BYTES]).decode("ascii").lower()


def salt(secret: bytes, what: bytes) -> bytes:
    """The salt of one leaf: the begin of SHA-256(secret || what)."""
    return hashlib.sha256(secret + what).digest()[:SALT_SIZE]


def leaves_of(closing: Closing, secret: bytes) -> tuple[Leaf, ...]:
    """The leaves of a closing, sorted by pseudonym."""
    month = str(closing.period)
    leaves = [
        Leaf(
            member=pseudonym(secret, month, each.member),
            minor=each.minor,
            month=month,
            wu=each.wu,
            salt=salt(secret, f"{month}\0{each.member}".encode()),
        )
        for each in closing.payouts
    ]
    return tuple(sorted(leaves, key=lambda leaf: leaf.member))


def root_of(leaves: Sequence[Leaf]) -> bytes:
    """The root of the tree over leaves, in their order."""
    return merkle.root([each.hash for each in leaves])


def proof_of(leaves: Sequence[Leaf], index: int) -> list[bytes]:
    """The proof that a leaf is in the tree."""
    hashes = [each.hash for each in leaves]
    ranges = merkle.inclusion_ranges(index, len(leaves))
    return merkle.prove(ranges, merkle.hashes_in(hashes))


def make_statement(
    closing: Closing,
    *,
    secret: bytes,
    sign: Sign,
    card: RateCard,
    points: Mapping[NodeId, Standing],
    ledger_head: bytes,
    previous: bytes | None,
    references: int = 0,
) -> Statement:
    """Make and sign the statement of a closing.

    Args:
        closing: What was decided.
        secret: 32 random bytes of this month; pseudonyms and salts follow from it.
        sign: Signs with the club's key.
        card: What models were worth.
        points: What the standing of each node was.
        ledger_head: The hash of the ledger's chain, the close's entry included.
        previous: The body of the last month's statement; None: there was none.
        references: How many nodes of the operator's were references for checks.
    """
    leaves = leaves_of(closing, secret)
    told = snapshot(points)
    body = canonical.encode(
        {
            "month": str(closing.period),
            "currency": closing.currency,
            "net": closing.net,
            "operator": closing.operator,
            "reserve": closing.reserve,
            "carry_in": closing.carry_in,
            "pool": closing.pool,
            "carry": closing.carry,
            "cap_bp": closing.cap_bp,
            "W": closing.total,
            "n": len(leaves),
            "reference_nodes": references,
            "rate_card_sha256": card.sha256.hex(),
            "points_snapshot_sha256": sha256_of(told),
            "ledger_head": ledger_head.hex(),
            "prev_statement": "" if previous is None else digest(previous),
            "root": root_of(leaves).hex(),
        }
    )
    month = str(closing.period)
    return Statement(
        body=body,
        signature=sign(BODY_LABEL + body),
        leaves=leaves,
        names={
            each.member: pseudonym(secret, month, each.member)
            for each in closing.payouts
        },
        rate_card=card.published,
        points=told,
    )


def own_part(
    leaves: Sequence[Leaf],
    items: Sequence[Item],
    *,
    member: MemberId,
    secret: bytes,
    period: Period,
) -> bytes:
    """One member's own part of a month: their leaf, its proof and their tasks.

    The club signs `OWN_LABEL` and it. A member who had no part has no leaf in it.
    """
    name = pseudonym(secret, str(period), member)
    places = [place for place, leaf in enumerate(leaves) if leaf.member == name]
    tasks = [
        {
            "task": each.task.hex(),
            "node": node_text(each.node),
            "model": each.model,
            "month": each.month,
            "prompt_tokens": each.prompt_tokens,
            "answer_tokens": each.answer_tokens,
            "metered": each.metered,
            "wu": each.wu,
            "status": each.status.value,
        }
        for each in items
        if each.owner == member
    ]
    own: dict[str, Any] = {"month": str(period), "tasks": tasks, "leaf": None}
    if places:
        place = places[0]
        own["leaf"] = leaves[place].published
        own["index"] = place
        own["proof"] = [step.hex() for step in proof_of(leaves, place)]
    return canonical.encode(own)


def sha256_of(value: object) -> str:
    """The hash of a value's canonical JSON, as text."""
    return digest(canonical.encode(value))


def digest(text: bytes) -> str:
    """The hash of bytes, as text."""
    return hashlib.sha256(text).hexdigest()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
