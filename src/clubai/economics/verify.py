"""Checking a statement without the club: from its file and the club's key alone."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from clubai.crypto import identity, merkle
from clubai.economics import canonical
from clubai.economics.close import OPERATOR_BP, RESERVE_BP
from clubai.economics.errors import RateCardError, StatementError
from clubai.economics.metering import read_standing, work_units
from clubai.economics.month import Period
from clubai.economics.ratecard import RateCard, card_of
from clubai.economics.sharing import BASIS
from clubai.economics.statement import (
    BODY_LABEL,
    FORMAT,
    OWN_LABEL,
    SALT_SIZE,
    Leaf,
    digest,
    root_of,
    sha256_of,
)
from clubai.model import Value

MOST_BYTES: Final = 64 * 2**20

T = TypeVar("T")


class Body(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the club signed."""

    month: str
    currency: str
    net: int
    operator: int
    reserve: int
    carry_in: int
    pool: int
    carry: int
    cap_bp: int
    W: int
    n: int
    reference_nodes: int
    rate_card_sha256: str
    points_snapshot_sha256: str
    ledger_head: str
    prev_statement: str
    root: str


class Part(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Signed bytes and their signature, both base64."""

    body: str
    sig: str


class PublishedLeaf(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A leaf as the file has it."""

    member: str
    minor: int
    month: str
    wu: int
    salt: str

    def leaf(self) -> Leaf:
        """The leaf that it is. Raises `StatementError`."""
        salt = unhex(self.salt, "leaf salt")
        if len(salt) != SALT_SIZE:
            raise StatementError("leaf salt", f"it has {len(salt)} bytes")
        return Leaf(
            member=self.member,
            minor=self.minor,
            month=self.month,
            wu=self.wu,
            salt=salt,
        )


class File(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A statement's file."""

    format: str
    body: str
    sig: str
    leaves: tuple[PublishedLeaf, ...]
    rate_card: dict[str, Any]
    points: tuple[tuple[str, int, int], ...]
    own: Part | None = None


class OwnTask(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One task of a member's own part."""

    task: str
    node: str
    model: str
    month: str
    prompt_tokens: int
    answer_tokens: int
    metered: int
    wu: int
    status: str


class Own(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A member's own part."""

    month: str
    tasks: tuple[OwnTask, ...]
    leaf: PublishedLeaf | None
    index: int = 0
    proof: tuple[str, ...] = ()


class Report(Value, frozen=True, kw_only=True):
    """What was found to hold."""

    statement: Body
    leaves: tuple[Leaf, ...]
    own: Own | None
    checked: tuple[str, ...]
    """What was checked, a sentence each."""


def verify_statement(
    file: bytes, key: bytes, *, own: bytes | None = None, previous: bytes | None = None
) -> Report:
    """Check everything in a statement's file that can be recomputed from it.

    Args:
        file: The file.
        key: The club's Ed25519 key, from where it is known for certain.
        own: A file with an own part, for when `file` has none.
        previous: The file of the month before, to check the link to it.

    Raises:
        StatementError: the first thing that does not hold.
    """
    parsed = _read(file)
    raw = _signed(Part(body=parsed.body, sig=parsed.sig), key, BODY_LABEL, "signature")
    body = _convert(raw, Body, "body")
    leaves = tuple(each.leaf() for each in parsed.leaves)
    checked = ["the club's key signed this statement"]
    checked.append(_check_leaves(body, leaves))
    checked.append(_check_sums(body, leaves))
    checked.append(_check_shares(body, leaves))
    checked.append(_check_card(body, parsed))
    part = parsed.own
    if own is not None:
        other = _read(own)
        if other.body != parsed.body or other.own is None:
            reason = "it is no own part of this very statement"
            raise StatementError("own part", reason)
        part = other.own
    mine = None if part is None else _check_own(part, key, body, leaves, parsed)
    if mine is not None:
        checked.append(_told(mine))
    if previous is not None:
        checked.append(_check_previous(body, _read(previous), key))
    return Report(statement=body, leaves=leaves, own=mine, checked=tuple(checked))


def _told(own: Own) -> str:
    if own.leaf is None:
        return "you had no payout this month"
    if own.leaf.wu == 0 and any(task.wu for task in own.tasks):
        return "your payout is in the list; the club counted none of your work"
    return (
        f"your {len(own.tasks)} tasks make your work units, and your payout is listed"
    )


def unhex(text: str, what: str) -> bytes:
    """Read lower-case hexadecimal. Raises `StatementError`."""
    try:
        content = bytes.fromhex(text)
    except ValueError as error:
        raise StatementError(what, "it is not hexadecimal") from error
    if content.hex() != text:
        raise StatementError(what, "it is not in lower case and without spaces")
    return content


def _read(file: bytes) -> File:
    if len(file) > MOST_BYTES:
        raise StatementError("file", f"it is over {MOST_BYTES} bytes")
    parsed = _convert(file.removesuffix(b"\n"), File, "file")
    if parsed.format != FORMAT:
        raise StatementError("format", f"{parsed.format[:40]!r} is not {FORMAT}")
    return parsed


def _convert(text: bytes, kind: type[T], what: str) -> T:
    try:
        return msgspec.convert(canonical.decode(text), kind)
    except (ValueError, msgspec.ValidationError) as error:
        raise StatementError(what, f"it cannot be read: {error}") from error


def _signed(part: Part, key: bytes, label: bytes, what: str) -> bytes:
    content, signature = _unbase64(part.body, what), _unbase64(part.sig, what)
    if not identity.verify(key, label + content, signature):
        raise StatementError(what, "this key did not sign these bytes")
    return content


def _unbase64(text: str, what: str) -> bytes:
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise StatementError(what, "it is not base64") from error
    if base64.b64encode(content).decode("ascii") != text:
        raise StatementError(what, "it is not in the one base64 form")
    return content


def _check_leaves(body: Body, leaves: Sequence[Leaf]) -> str:
    if len(leaves) != body.n:
        raise StatementError("leaves", f"there are {len(leaves)}, not {body.n}")
    if any(each.month != body.month for each in leaves):
        raise StatementError("leaves", "one is of another month")
    if any(each.minor < 0 or each.wu < 0 for each in leaves):
        raise StatementError("leaves", "one is below zero")
    names = [each.member for each in leaves]
    if names != sorted(set(names)):
        raise StatementError("leaves", "they are not sorted, or a name is there twice")
    if root_of(leaves).hex() != body.root:
        raise StatementError("root", "it is not that of the leaves")
    return f"the root is that of the {body.n} published payouts"


def _check_sums(body: Body, leaves: Sequence[Leaf]) -> str:
    paid = sum(each.minor for each in leaves)
    if paid + body.carry != body.pool:
        reason = f"payouts {paid} and carry {body.carry} are not the pool {body.pool}"
        raise StatementError("pool", reason)
    if sum(each.wu for each in leaves) != body.W:
        raise StatementError("W", "it is not the sum of the work units")
    if body.net >= 0:
        expected = (body.net * OPERATOR_BP // BASIS, body.net * RESERVE_BP // BASIS)
        if (body.operator, body.reserve) != expected:
            raise StatementError("operator", "their parts are not 10 % and 5 % of net")
    if body.net - body.operator - body.reserve + body.carry_in != body.pool:
        raise StatementError("pool", "it is not what net leaves, and what was carried")
    return f"payouts {paid} and carry {body.carry} are the pool {body.pool}"


def _check_shares(body: Body, leaves: Sequence[Leaf]) -> str:
    if body.W == 0 or body.net < 0:
        return "nobody had work to be paid this month, or there was nothing to divide"
    if body.cap_bp < BASIS:
        cap = body.pool * body.cap_bp // BASIS
        if any(each.minor > cap for each in leaves):
            raise StatementError("payout", "one is above the cap")
        return "no payout is above the cap"
    got: list[int] = []
    missed: list[int] = []
    for each in leaves:
        least, remainder = divmod(body.pool * each.wu, body.W)
        if each.minor not in (least, least + 1):
            reason = f"{each.member} got {each.minor}, and not {least} or one more"
            raise StatementError("payout", reason)
        (missed if each.minor == least else got).append(remainder)
    if got and missed and min(got) < max(missed):
        raise StatementError("payout", "a unit went to a smaller remainder")
    return "every payout is its share of the pool by largest remainder"


def _check_card(body: Body, parsed: File) -> str:
    try:
        card = card_of(parsed.rate_card)
    except RateCardError as error:
        raise StatementError("rate card", str(error)) from error
    same = card.published == parsed.rate_card
    if not same or sha256_of(parsed.rate_card) != body.rate_card_sha256:
        raise StatementError("rate card", "it is not the one that was used")
    if sha256_of(parsed.points) != body.points_snapshot_sha256:
        raise StatementError("points", "they are not those that were used")
    return f"the rate card (version {card.version}) and points are those used"


def _check_own(
    part: Part, key: bytes, body: Body, leaves: Sequence[Leaf], parsed: File
) -> Own:
    own = _convert(_signed(part, key, OWN_LABEL, "own part"), Own, "own part")
    if own.month != body.month:
        raise StatementError("own part", f"it is of {own.month}")
    _check_metered(own.tasks, card_of(parsed.rate_card))
    weight = _weight(own.tasks, {each[0]: each[1:] for each in parsed.points})
    if own.leaf is None:
        if weight:
            raise StatementError("own part", "you worked, and have no payout")
        return own
    leaf = own.leaf.leaf()
    if not 0 <= own.index < len(leaves) or leaves[own.index] != leaf:
        raise StatementError("own part", "your payout is not in the list")
    proof = [unhex(step, "proof") for step in own.proof]
    top = unhex(body.root, "root")
    if not merkle.verify_inclusion(leaf.hash, own.index, body.n, proof, top):
        raise StatementError("proof", "it does not lead from your payout to the root")
    if leaf.wu not in (weight, 0):
        reason = f"your tasks make {weight} weighted units, not {leaf.wu}"
        raise StatementError("own part", reason)
    return own


def _check_metered(tasks: Sequence[OwnTask], card: RateCard) -> None:
    for task in tasks:
        rate = card.milli(task.model, Period.read(task.month))
        metered = work_units(task.prompt_tokens, task.answer_tokens, rate)
        if metered != task.metered:
            reason = f"task {task.task} is {metered} units, not {task.metered}"
            raise StatementError("own part", reason)


def _weight(tasks: Sequence[OwnTask], points: Mapping[str, tuple[int, int]]) -> int:
    nodes: dict[str, int] = {}
    for task in tasks:
        if not 0 <= task.wu <= task.metered:
            raise StatementError(
                "own part", f"task {task.task} is paid more than it is"
            )
        nodes[task.node] = nodes.get(task.node, 0) + task.wu
    total = 0
    for node, units in nodes.items():
        standing = read_standing(points.get(node, (0, 0)))
        total += units * standing.multiplier_bp // BASIS
    return total


def _check_previous(body: Body, previous: File, key: bytes) -> str:
    part = Part(body=previous.body, sig=previous.sig)
    raw = _signed(part, key, BODY_LABEL, "previous statement")
    if digest(raw) != body.prev_statement:
        raise StatementError("prev_statement", "this is not the month that it names")
    before = _convert(raw, Body, "previous statement")
    if before.carry != body.carry_in:
        raise StatementError("carry_in", "it is not what the month before carried on")
    return f"it follows the statement of {before.month}"
