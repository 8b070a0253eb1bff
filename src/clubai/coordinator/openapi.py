"""The description of the HTTP API at `/openapi.json`."""

from __future__ import annotations

from typing import Any, Final

from clubai import __version__

_CREDENTIALS: Final = {"name": "string", "password": "string"}
_LOGIN: Final = {
    "node": "string",
    "nonce": "string",
    "boot": "string",
    "now_ms": "integer",
    "sig": "string",
}
_ENROL: Final = {
    "token": "string",
    "node": "string",
    "key": "string",
    "now_ms": "integer",
    "sig": "string",
    "name": "string",
}
_ACCOUNT: Final = {**_CREDENTIALS, "invite": "string"}
_REFRESH: Final = {"refresh_token": "string"}
_KEY: Final = {
    "label": "string",
    "scopes": "array",
    "models": "array",
    "monthly_tokens": "integer",
    "expires_at": "number",
    "login": "boolean",
}
_PROMISE: Final = "/api/nodes/{nickname}/promise"
_PAUSE: Final = "/api/nodes/{nickname}/pause"
_PAYMENT: Final = {
    "member": "string",
    "period": "string",
    "amount_minor": "integer",
    "reference": "string",
}
_FEE: Final = {**_PAYMENT, "processor_minor": "integer"}
_REFUND: Final = {**_PAYMENT, "to_balance": "boolean"}
MONEY_PATHS: Final[tuple[tuple[str, str, str, bool, dict[str, str]], ...]] = (
    ("get", "/api/months", "Which months are closed", True, {}),
    (
        "post",
        "/api/months/{period}/close",
        "Close a month, or show what its close would be",
        True,
        {"dry_run": "boolean"},
    ),
    ("get", "/api/months/{period}/statement", "A month's statement", True, {}),
    ("get", "/api/months/{period}/mine", "With the caller's own part", True, {}),
    ("get", "/api/fees", "Fees, and what was given back", True, {}),
    ("post", "/api/fees", "Book a fee", True, _FEE),
    ("post", "/api/fees/import", "Book the fees of a CSV", True, {"csv": "string"}),
    ("post", "/api/fees/refund", "Give a fee back", True, _REFUND),
    ("post", "/api/fees/chargeback", "Book a chargeback", True, _FEE),
    ("get", "/api/balance", "The caller's balance", True, {}),
    ("post", "/api/credit", "Pay a fee from a balance", True, _PAYMENT),
    ("get", "/api/payouts", "What can be paid out, as CSV", True, {}),
    ("post", "/api/payouts", "Book a payout", True, _PAYMENT),
    ("get", "/api/ledger", "The ledger, from `since` on", True, {}),
)
_PATHS: Final[tuple[tuple[str, str, str, bool, dict[str, str]], ...]] = (
    ("get", "/v1/models", "The models of the club", True, {}),
    ("get", "/v1/models/{id}", "One model of the club", True, {}),
    (
        "post",
        "/v1/chat/completions",
        "Ask, as OpenAI's chat completions",
        True,
        {"model": "string", "messages": "array"},
    ),
    (
        "post",
        "/v1/completions",
        "Complete a text, as OpenAI's completions",
        True,
        {"model": "string", "prompt": "string"},
    ),
    (
        "post",
        "/v1/embeddings",
        "Embed texts, as OpenAI's embeddings",
        True,
        {"model": "string", "input": "array"},
    ),
    ("post", "/inference", "Ask, with provenance", True, {"prompt": "string"}),
    ("post", "/api/register", "Make an account", False, _ACCOUNT),
    ("post", "/api/login", "Get an access and a refresh token", False, _CREDENTIALS),
    ("post", "/api/refresh", "Exchange a refresh token, once", False, _REFRESH),
    ("post", "/api/logout", "End a login", False, _REFRESH),
    ("post", "/api/logout-everywhere", "End all of the caller's logins", True, {}),
    ("get", "/api/me", "Who the caller is", True, {}),
    ("post", "/api/keys", "Make an API key, shown once", True, _KEY),
    ("get", "/api/keys", "The caller's keys; `member`: another's", True, {}),
    ("delete", "/api/keys/{key_id}", "End a key", True, {}),
    ("post", "/api/invites", "Invite somebody; the token is shown once", True, {}),
    ("get", "/api/invites", "The caller's invites", True, {}),
    ("delete", "/api/invites/{invite_id}", "End an open invite", True, {}),
    ("get", "/api/members", "All members, with their use", True, {}),
    (
        "put",
        "/api/members/{member_id}/role",
        "Give a member a role",
        True,
        {"role": "string"},
    ),
    ("get", "/api/members/{member_id}/usage", "A member's use by day", True, {}),
    ("get", "/api/audit", "The audit log; `object`: of one thing", True, {}),
    ("get", "/api/nodes", "The club's nodes", True, {}),
    (
        "put",
        "/api/nodes/{node}/owner",
        "Countersign a node of one's own",
        True,
        {"key": "string", "sig": "string"},
    ),
    ("get", _PROMISE, "Hours that the owner promises", True, {}),
    ("put", _PROMISE, "Promise hours", True, {"schedule": "string", "zone": "string"}),
    ("delete", _PROMISE, "Promise no hours any more", True, {}),
    ("put", _PAUSE, "Give a node no new work", True, {"why": "string"}),
    ("delete", _PAUSE, "Let a paused or draining node go on", True, {}),
    (
        "put",
        "/api/nodes/{nickname}/drain",
        "Give a node no new work: it is to be stopped",
        True,
        {"why": "string"},
    ),
    ("delete", "/api/nodes/{node}/connection", "Send a node away", True, {}),
    ("post", "/api/nodes/{node}/note", "Remark on a node", True, {"text": "string"}),
    ("get", "/api/trust", "The key that the club signs with", False, {}),
    ("get", "/log/checkpoint", "The key log as it is now, signed", False, {}),
    ("get", "/log/tile/{path}", "A tile of the key log, or entries", False, {}),
    ("get", "/log/node/{node}", "Where the log has a node's keys", False, {}),
    (
        "post",
        "/api/enrolments",
        "Make a one-use token for a node, shown once",
        True,
        {"confirm": "boolean", "life_s": "number"},
    ),
    ("get", "/api/enrolments", "The caller's open tokens", True, {}),
    ("delete", "/api/enrolments/{enrolment}", "End a token", True, {}),
    ("get", "/api/enrolled", "The caller's enrolled nodes", True, {}),
    ("put", "/api/enrolled/{node}/confirmed", "Let a pending node in", True, {}),
    ("delete", "/api/enrolled/{node}", "Keep a node out for good", True, {}),
    ("post", "/nodes/enrol", "Become a member's node, once", False, _ENROL),
    ("post", "/nodes/challenge", "Get a nonce to sign", False, {"node": "string"}),
    ("post", "/nodes/login", "Get a ticket for one connection", False, _LOGIN),
    *MONEY_PATHS,
    ("get", "/api/reputation", "How the nodes stand", True, {}),
    ("get", "/api/reputation/{node}", "How a node stands, and why", True, {}),
    (
        "post",
        "/api/reputation/{node}/points",
        "Move a node's points by hand",
        True,
        {"points": "integer", "why": "string"},
    ),
    (
        "post",
        "/api/reputation/{node}/reinstated",
        "Let a suspended node work again",
        True,
        {"why": "string"},
    ),
    ("put", "/api/nodes/{node}/trusted", "Make a node a reference", True, {}),
    ("delete", "/api/nodes/{node}/trusted", "Take that back", True, {}),
    ("get", "/api/checks/{check}", "What a check asked and got", True, {}),
    ("get", "/api/reviews", "The open reviews", True, {}),
    ("get", "/api/reviews/{review}", "One review with its evidence", True, {}),
    (
        "post",
        "/api/reviews/{review}",
        "End a review",
        True,
        {"upheld": "boolean", "why": "string"},
    ),
    ("get", "/api/models", "The models that they offer", True, {}),
    ("get", "/api/tasks", "The caller's recent tasks", True, {}),
    ("get", "/api/tasks/{task}", "One task, and what happened to it", True, {}),
    ("delete", "/api/tasks/{task}", "End a live task", True, {}),
    ("get", "/api/stats", "The club's counts", True, {}),
    ("get", "/api/snapshot", "All that the caller may see of the club", True, {}),
    ("get", "/api/events", "What happens, as server-sent events", True, {}),
    ("get", "/health", "Alive", False, {}),
    ("get", "/ready", "Able to take work", False, {}),
    ("get", "/metrics", "Counts for Prometheus", True, {}),
    ("get", "/openapi.json", "This description", False, {}),
    ("get", "/", "A page for people", False, {}),
)


def _operation(
    path: str, summary: str, *, secured: bool, fields: dict[str, str]
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": summary,
        "responses": {
            "default": {"description": "The answer, or an object with `error`"}
        },
    }
    if secured:
        operation["security"] = [{"bearer": []}]
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    if names:
        operation["parameters"] = [
            {
                "name": name,
                "in": "path",
                "required": True,
                "schema": {"type": "string"},
            }
            for name in names
        ]
    if fields:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _schema(fields)}},
        }
    return operation


def _schema(fields: dict[str, str]) -> dict[str, Any]:
    properties: dict[str, Any] = {
        name: {"type": "array", "items": {}} if type_ == "array" else {"type": type_}
        for name, type_ in fields.items()
    }
    return {"type": "object", "properties": properties}


def document() -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    paths: dict[str, dict[str, Any]] = {}
    for method, path, summary, secured, fields in _PATHS:
        operation = _operation(path, summary, secured=secured, fields=fields)
        paths.setdefault(path, {})[method] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "ClubAI", "version": __version__},
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}
        },
    }
