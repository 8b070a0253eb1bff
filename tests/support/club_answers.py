"""What the scripted club's API answers about standing and members."""

from __future__ import annotations

from typing import Any

from support.dashboard import NODE_NAMES, NOW, node_id

_WORDS = ("proven", "probation", "checks only", "proven", "suspended", "proven")


def told(number: int, **fields: Any) -> dict[str, Any]:
    """What is told of one node's standing."""
    return {
        "id": node_id(number),
        "nickname": node_id(number)[:12],
        "name": NODE_NAMES[number],
        "owner": ("ana", "bo", "cy")[number % 3],
        "points": 100 + 45 * number,
        "held": 0,
        "state": _WORDS[number],
        "trusted": number == 0,
        "audit_rate": 0.2,
        "streak": 3 + number,
        "audits_passed": 10 + number,
        "marks": number % 2,
        "open_reviews": [],
        "suspended_until": NOW + 86_400.0 if number == 4 else None,
        "kept_hours": 0,
        "broken_hours": 0,
        "schedule": "",
        **fields,
    }


def line(number: int, **fields: Any) -> dict[str, Any]:
    """One stored change of the first node's standing."""
    return {
        "seq": number,
        "at": NOW - 3600.0 * (100 - number),
        "change": "completed",
        "points": 10,
        "held": 0,
        "total": 10 * number,
        "count": 1,
        "model": "qwen3-8b",
        "cause": f"task:{4:032x}",
        "why": "",
        **fields,
    }


CHECK = {
    "id": "c_1",
    "prompt": "What is 2 and 2?",
    "expected": "4",
    "got": "5\x1b[31m red",
    "references": ["4", "four"],
    "kind": "known",
    "why": "it should be 4",
    "passed": False,
}


def review(number: int, **fields: Any) -> dict[str, Any]:
    """One review of the second node."""
    return {
        "seq": number,
        "at": NOW - 600.0,
        "node": node_id(1),
        "nickname": node_id(1)[:12],
        "name": "barn",
        "why": "a client doubts it",
        "cause": "check:c_1",
        "open": True,
        "outcome": "",
        "evidence": [],
        **fields,
    }


def key(name: str, **fields: Any) -> dict[str, Any]:
    """One API key without its secret."""
    return {
        "id": name,
        "label": f"of {name}",
        "created_at": NOW - 86_400.0,
        "revoked_at": None,
        "scopes": ["chat", "read"],
        "models": [],
        "monthly_tokens": 100_000,
        "expires_at": None,
        "login": False,
        **fields,
    }


def day(number: int, **fields: Any) -> dict[str, Any]:
    """A day of September 2026, and what was used in it."""
    return {
        "day": f"2026-09-{number:02}",
        "tasks": number,
        "failed": number % 2,
        "prompt_tokens": 10 * number,
        "completion_tokens": 100 * (number % 7),
        **fields,
    }


def member(name: str, **fields: Any) -> dict[str, Any]:
    """One member."""
    return {
        "id": f"m_{name}",
        "name": name,
        "role": "member",
        "created_at": NOW - 864_000.0,
        "tasks_today": 5,
        "tokens_today": 12_000,
        "last_asked_at": NOW - 60.0,
        "tokens_30d": 30_000,
        **fields,
    }


def reputation() -> dict[str, Any]:
    """The answer about all six nodes."""
    return {"nodes": [told(number) for number in range(6)], "verification": {}}


def ledger(**fields: Any) -> dict[str, Any]:
    """The answer about the first node, whose live changes begin at number 1."""
    changes = [
        line(96, change="review_opened", points=0, cause="check:c_1"),
        line(95, change="passed", points=0, cause="check:c_1"),
        line(94, change="released", points=0, held=-10, cause="event:9"),
        line(93, change="cleared", points=0, cause="review:70"),
        line(92, change="uptime", points=1, cause="hour:2026-09-21T10"),
        line(9, why="told by the club"),
    ]
    return {"node": told(0), "changes": changes, "next": None, **fields}


def club_answers() -> dict[str, Any]:
    """All of it, by method and path."""
    return {
        "GET /api/reputation": reputation(),
        f"GET /api/reputation/{node_id(0)}?limit=200": ledger(),
        "GET /api/checks/c_1": CHECK,
        "GET /api/reviews": {"reviews": [review(47), review(48, cause="task:00")]},
        "GET /api/reviews?all=1": {
            "reviews": [review(46, open=False, outcome="was right"), review(47)]
        },
        "GET /api/reviews/47": review(47, evidence=[CHECK]),
        "GET /api/reviews/96": review(96, evidence=[CHECK]),
        "GET /api/reviews/70": review(70, open=False, outcome="nothing wrong"),
        "GET /api/me": {
            "id": "m_ana",
            "name": "ana",
            "role": "operator",
            "grants": {"scopes": ["chat"], "monthly_tokens": 100_000, "key_id": "k"},
        },
        "GET /api/balance": {
            "balance_minor": 500,
            "spendable_minor": 400,
            "currency": "EUR",
        },
        "GET /api/members": {
            "members": [
                member("ana", role="operator"),
                member("bo", tokens_30d=10_000, last_asked_at=0.0),
            ]
        },
        "GET /api/members/m_ana/usage?days=30": {
            "days": [day(number) for number in range(1, 31)]
        },
        "GET /api/keys?member=m_ana": {
            "keys": [key("kaaa1111"), key("kbbb2222", revoked_at=NOW)]
        },
        "POST /api/invites": {"id": "i_1", "invite": SECRET, "expires_at": NOW},
    }


SECRET = "invite-for-tests-only"
