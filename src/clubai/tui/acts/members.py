"""What can be done to members and their keys."""

from __future__ import annotations

from urllib.parse import quote

from clubai.tui.acts.act import Act
from clubai.tui.tables.members import KeyRow, MemberRow


def invite(url: str) -> Act:
    """Let one more in."""
    return Act(
        "Invite somebody",
        "Makes an invite for one account, good for 14 days. Its token is shown once. "
        f"Whoever gets it runs `clubai register NAME --url {url} --invite TOKEN`.",
        "POST",
        "/api/invites",
        done="The invite is made.",
        shows="invite",
    )


def set_role(member: MemberRow, role: str) -> Act:
    """Give a member another role."""
    return Act(
        f"Make {member.name} {role}",
        f"The role is {member.role} now. The other one counts at once, for what is "
        "connected too. The last operator stays one.",
        "PUT",
        f"/api/members/{quote(member.id, safe='')}/role",
        {"role": role},
        done=f"The role is {role} now.",
    )


def revoke(key: KeyRow) -> Act:
    """Make a key worthless."""
    label = f" ({key.label})" if key.label else ""
    return Act(
        f"Revoke the key {key.id}{label}",
        "Whatever uses it is refused from now on. It cannot be undone.",
        "DELETE",
        f"/api/keys/{quote(key.id, safe='')}",
        done="The key is worthless now.",
    )
