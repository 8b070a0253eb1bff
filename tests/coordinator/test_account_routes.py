from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest

from clubai.client import Client
from clubai.coordinator.account_routes import NewAccount, RefreshRequest
from clubai.errors import (
    AuthenticationError,
    ClubAIError,
    ConnectionLost,
    PermissionDenied,
)
from clubai.model import ClubSnapshot
from clubai.storage import open_store
from clubai.transport.websocket import open_websocket
from support.api_calls import PASSWORD, Account, ApiClub, api_club, error_of
from support.asgi_driver import Response
from support.scripted_backend import ScriptedBackend
from support.serving import serving

ALICE = {"name": "alice", "password": PASSWORD}


async def logged_in(api: ApiClub, name: str = "alice") -> dict[str, Any]:
    response = await api.call("POST", "/api/login", {**ALICE, "name": name})
    assert response.status == 200
    answer: dict[str, Any] = response.json()
    return answer


async def key_for(api: ApiClub, account: Account, **wish: Any) -> str:
    made = await api.call("POST", "/api/keys", wish, key=account.key)
    assert made.status == 201, made.body
    return str(made.json()["api_key"])


async def refreshed(api: ApiClub, token: str) -> Response:
    return await api.call("POST", "/api/refresh", {"refresh_token": token})


async def test_a_login_goes_on_with_its_refresh_token(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        await api.join("alice")
        first = await logged_in(api)
        assert first["refresh_token"].startswith("crt_")
        assert first["refresh_expires_at"] > first["expires_at"] + 86_400

        second = await refreshed(api, first["refresh_token"])

        assert second.status == 200
        answer = second.json()
        assert set(answer) == set(first)
        assert answer["member"] == first["member"]
        me = await api.call("GET", "/api/me", key=answer["access_token"])
        assert me.json()["name"] == "alice"


async def test_a_stolen_token_ends_the_login_with_its_access_tokens(
    tmp_path: Path,
) -> None:
    async with api_club(tmp_path) as api:
        await api.join("alice")
        other, first = await logged_in(api), await logged_in(api)
        second = (await refreshed(api, first["refresh_token"])).json()
        bearers = (first["access_token"], second["access_token"])
        for bearer in bearers:
            assert (await api.call("GET", "/api/me", key=bearer)).status == 200

        stolen = await refreshed(api, first["refresh_token"])

        assert stolen.status == 401
        assert "was used before" in error_of(stolen)["message"]
        assert (await refreshed(api, second["refresh_token"])).status == 401
        for bearer in bearers:
            assert (await api.call("GET", "/api/me", key=bearer)).status == 401
        assert (await refreshed(api, other["refresh_token"])).status == 200


async def test_of_two_refreshes_at_once_one_wins(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        await api.join("alice")
        token = (await logged_in(api))["refresh_token"]
        answers: list[Response] = []

        async def refresh() -> None:
            answers.append(await refreshed(api, token))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(refresh)
            tasks.start_soon(refresh)

        answers.sort(key=lambda answer: answer.status)
        assert [answer.status for answer in answers] == [200, 401]
        assert (await refreshed(api, answers[0].json()["refresh_token"])).status == 401


async def test_logging_out_ends_that_login_alone(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        stays, goes = await logged_in(api), await logged_in(api)
        body = {"refresh_token": goes["refresh_token"]}

        done = await api.call("POST", "/api/logout", body)

        assert (done.status, done.body) == (204, b"")
        assert (await refreshed(api, goes["refresh_token"])).status == 401
        gone = await api.call("GET", "/api/me", key=goes["access_token"])
        assert gone.status == 401
        for bearer in (stays["access_token"], alice.key):
            assert (await api.call("GET", "/api/me", key=bearer)).status == 200


async def test_logging_out_everywhere_ends_all_logins_and_no_keys(
    tmp_path: Path,
) -> None:
    async with api_club(tmp_path) as api:
        alice, bob = await api.join("alice"), await api.join("bob")
        hers = [await logged_in(api) for _ in range(2)]
        his = await logged_in(api, "bob")

        done = await api.call("POST", "/api/logout-everywhere", key=alice.key)

        assert done.status == 204
        for login in hers:
            assert (await refreshed(api, login["refresh_token"])).status == 401
            me = await api.call("GET", "/api/me", key=login["access_token"])
            assert me.status == 401
        for bearer in (alice.key, bob.key, his["access_token"]):
            assert (await api.call("GET", "/api/me", key=bearer)).status == 200


async def test_refresh_tokens_that_are_none_are_counted(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        await api.join("alice")
        token = (await logged_in(api))["refresh_token"]
        for _ in range(20):
            assert (await refreshed(api, "crt_no")).status == 401

        assert (await refreshed(api, "crt_no")).status == 429
        body = {"refresh_token": "crt_no"}
        assert (await api.call("POST", "/api/logout", body)).status == 429
        assert (await refreshed(api, token)).status == 200


async def test_a_key_is_narrowed_and_shown(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        key = await key_for(
            api, alice, scopes=["chat"], models=["m"], monthly_tokens=9, label="app"
        )

        me = (await api.call("GET", "/api/me", key=key)).json()

        assert me["role"] == "member"
        assert me["grants"]["scopes"] == ["chat"]
        assert me["grants"]["models"] == ["m"]
        assert me["grants"]["monthly_tokens"] == 9
        shown = (await api.call("GET", "/api/keys", key=alice.key)).json()["keys"][-1]
        assert (shown["label"], shown["scopes"]) == ("app", ["chat"])


@pytest.mark.parametrize(
    "wish", [{"scopes": ["admin"]}, {"scopes": [1]}, {"scope": ["chat"]}, {"models": 1}]
)
async def test_a_wish_that_is_none_is_refused(wish: Any, tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")

        refused = await api.call("POST", "/api/keys", wish, key=alice.key)

        assert (refused.status, error_of(refused)["param"]) == (400, "body")


MANAGING = [
    ("POST", "/api/keys", {}),
    ("GET", "/api/keys", None),
    ("DELETE", "/api/keys/other000", None),
    ("POST", "/api/invites", None),
    ("GET", "/api/invites", None),
    ("DELETE", "/api/invites/x", None),
    ("POST", "/api/logout-everywhere", None),
    ("GET", "/api/members", None),
    ("PUT", "/api/members/x/role", {"role": "operator"}),
    ("GET", "/api/audit", None),
]


@pytest.mark.parametrize(("method", "path", "body"), MANAGING)
async def test_an_operators_key_manages_nothing(
    method: str, path: str, body: Any, tmp_path: Path
) -> None:
    async with api_club(tmp_path) as api:
        key = await key_for(api, await api.join("alice"))

        refused = await api.call(method, path, body, key=key)

        assert refused.status == 403


async def test_a_key_may_end_itself(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        key = await key_for(api, await api.join("alice"))

        ended = await api.call("DELETE", f"/api/keys/{key.split('_')[1]}", key=key)

        assert ended.status == 204
        assert (await api.call("GET", "/api/me", key=key)).status == 401


async def test_a_key_ends_no_other(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        key, other = await key_for(api, alice), await key_for(api, alice)

        refused = await api.call("DELETE", f"/api/keys/{other.split('_')[1]}", key=key)

        assert refused.status == 403
        assert (await api.call("GET", "/api/me", key=other)).status == 200


async def test_a_login_is_made_by_a_password_and_not_by_a_key(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        token = (await logged_in(api))["access_token"]

        refused = await api.call("POST", "/api/keys", {"login": True}, key=alice.key)
        made = await api.call("POST", "/api/keys", {"login": True}, key=token)

        assert (refused.status, made.status) == (403, 201)
        key = made.json()["api_key"]
        assert (await api.call("GET", "/api/members", key=key)).status == 200


READING = [
    "/api/nodes",
    "/api/models",
    "/api/tasks",
    "/api/stats",
    "/api/events",
    "/metrics",
]


@pytest.mark.parametrize("path", READING)
@pytest.mark.parametrize(
    ("scopes", "status"), [(["chat", "embed", "node"], 403), (["read"], 200)]
)
async def test_reading_needs_its_scope(
    path: str, scopes: list[str], status: int, tmp_path: Path
) -> None:
    async with api_club(tmp_path) as api:
        key = await key_for(api, await api.join("alice"), scopes=scopes)

        async with api.open("GET", path, key=key) as call:
            answered, _ = await call.start()

        assert answered == status


CHAT = {"model": "m", "messages": [{"role": "user", "content": "Q"}]}
ASKING: list[tuple[str, str, Any, set[str]]] = [
    ("POST", "/v1/chat/completions", CHAT, {"chat"}),
    ("POST", "/v1/completions", {"model": "m", "prompt": "Q"}, {"chat"}),
    ("POST", "/inference", {"model": "m", "prompt": "Q"}, {"chat"}),
    ("GET", "/v1/models", None, {"chat", "embed", "read"}),
    ("GET", "/v1/models/m", None, {"chat", "embed", "read"}),
]


@pytest.mark.parametrize(("method", "path", "body", "needed"), ASKING)
@pytest.mark.parametrize("scope", ["chat", "embed", "node", "read"])
async def test_the_gateway_needs_its_scopes(
    method: str, path: str, body: Any, needed: set[str], scope: str, tmp_path: Path
) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        await api.club.add("attic", owner=alice.member)
        key = await key_for(api, alice, scopes=[scope])

        answer = await api.call(method, path, body, key=key)

        assert answer.status == (200 if scope in needed else 403), answer.body
        if answer.status == 403:
            assert answer.json()["error"]["code"] == "permission_denied"
            assert "no scope" in answer.json()["error"]["message"]


async def test_embedding_needs_its_scope(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        await api.club.add("attic", owner=alice.member)
        body = {"model": "m", "input": ["Q"]}
        refused, allowed = [
            await api.call(
                "POST",
                "/v1/embeddings",
                body,
                key=await key_for(api, alice, scopes=[scope]),
            )
            for scope in ("chat", "embed")
        ]

        assert refused.status == 403
        assert "no scope embed" in error_of(refused)["message"]
        assert allowed.status != 403


async def test_a_key_asks_for_its_models_only(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        await api.club.add(
            "attic", ScriptedBackend(models=("m", "n")), owner=alice.member
        )
        key = await key_for(api, alice, models=["n"])

        refused = await api.call("POST", "/v1/chat/completions", CHAT, key=key)
        allowed = await api.call(
            "POST", "/v1/chat/completions", {**CHAT, "model": "n"}, key=key
        )
        chosen = await api.call("POST", "/inference", {"prompt": "Q"}, key=key)

        assert (refused.status, allowed.status, chosen.status) == (403, 200, 200)
        assert "not for this model" in error_of(refused)["message"]
        assert chosen.json()["model"] == "n"
        listed = (await api.call("GET", "/v1/models", key=key)).json()["data"]
        assert [model["id"] for model in listed] == ["n"]


async def test_a_key_that_has_used_its_month_says_when_it_resets(
    tmp_path: Path,
) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        await api.club.add("attic", owner=alice.member)
        key = await key_for(api, alice, monthly_tokens=1)
        other = await key_for(api, alice)

        first = await api.call("POST", "/v1/chat/completions", CHAT, key=key)
        second = await api.call("POST", "/v1/chat/completions", CHAT, key=key)

        assert first.status == 200
        assert first.json()["usage"]["total_tokens"] >= 1
        assert second.status == 429
        error = error_of(second)
        assert error["type"] == "rate_limit_error"
        assert "used its 1 tokens of this month: it resets at 20" in error["message"]
        assert int(second.headers["retry-after"]) > 0
        for bearer in (other, alice.key):
            again = await api.call("POST", "/v1/chat/completions", CHAT, key=bearer)
            assert again.status == 200


async def test_what_a_key_used_is_known_after_a_restart(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path}/c.db") as store:
        async with api_club(tmp_path, store=store) as api:
            alice = await api.join("alice")
            await api.club.add("attic", owner=alice.member)
            key = await key_for(api, alice, monthly_tokens=1)
            first = await api.call("POST", "/v1/chat/completions", CHAT, key=key)
            assert first.status == 200

        async with api_club(tmp_path, store=store) as api:
            await api.club.add("cellar", owner=alice.member)
            second = await api.call("POST", "/v1/chat/completions", CHAT, key=key)

            assert second.status == 429


async def test_one_keys_grants_are_never_anothers(tmp_path: Path) -> None:
    """The gateway shares connections: of one key, and not of one member."""
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        await api.club.add("attic", owner=alice.member)
        wide, narrow = (
            await key_for(api, alice, scopes=["chat"]),
            await key_for(api, alice, scopes=["embed"]),
        )
        for _ in range(2):
            statuses = [
                (await api.call("POST", "/v1/chat/completions", CHAT, key=key)).status
                for key in (wide, narrow, alice.key)
            ]
            assert statuses == [200, 403, 200]


async def test_a_connection_needs_a_scope_to_ask_or_look(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api, serving(api.app) as url:
        alice = await api.join("alice")
        for scope in ("chat", "embed", "node", "read"):
            key = await key_for(api, alice, scopes=[scope])
            try:
                async with open_websocket(f"{url}/clients/connect", token=key):
                    told = "connected"
            except ClubAIError as error:
                told = str(error)
            assert ("no scope" in told) == (scope == "node"), told


async def test_enrolling_nodes_needs_the_scope_for_them(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        for scope in ("chat", "embed", "node", "read"):
            key = await key_for(api, alice, scopes=[scope])
            made = await api.call("POST", "/api/enrolments", {}, key=key)
            listed = await api.call("GET", "/api/enrolled", key=key)
            assert (made.status == 201) == (scope == "node")
            assert (listed.status == 200) == (scope == "node")


async def test_a_client_is_held_to_its_keys_grants(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api, serving(api.app) as url:
        alice = await api.join("alice")
        await api.club.add("attic", owner=alice.member)
        key = await key_for(api, alice, scopes=["chat"])
        async with Client.connect(url, key) as client:
            assert (await client.ask("Q", model="m")).text
            with pytest.raises(PermissionDenied, match="no scope read"):
                await client.snapshot()
            with pytest.raises(PermissionDenied, match="no scope read"):
                async with client.watch() as snapshots:
                    await anext(aiter(snapshots))
            assert [model.name for model in await client.models()] == ["m"]


async def test_a_demoted_operators_token_stops_working_at_once(
    tmp_path: Path,
) -> None:
    async with api_club(tmp_path) as api:
        alice, bob = await api.join("alice"), await api.join("bob")
        await api.club.add("attic", owner=alice.member)
        role = f"/api/members/{bob.member.id}/role"
        for wanted in ("operator", "member"):
            tokens = await logged_in(api, "bob")
            bearers = (tokens["access_token"], bob.key)
            for bearer in bearers:  # whoever was just seen is in memory
                status = (await api.call("GET", "/api/audit", key=bearer)).status
                assert status == (403 if wanted == "operator" else 200)

            changed = await api.call("PUT", role, {"role": wanted}, key=alice.key)
            assert changed.status == 204

            for bearer in bearers:
                status = (await api.call("GET", "/api/audit", key=bearer)).status
                assert status == (200 if wanted == "operator" else 403)
                me = await api.call("GET", "/api/me", key=bearer)
                assert me.json()["role"] == wanted


async def until_lost(client: Client) -> None:
    with anyio.fail_after(5), suppress(ConnectionLost):
        while True:
            await client.snapshot()


async def test_what_a_demoted_operator_has_open_ends(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api, serving(api.app) as url:
        alice, bob = await api.join("alice"), await api.join("bob")
        role = f"/api/members/{bob.member.id}/role"
        await api.call("PUT", role, {"role": "operator"}, key=alice.key)
        async with (
            api.open("GET", "/api/events", key=bob.key) as call,
            Client.connect(url, alice.key) as hers,
            Client.connect(url, bob.key) as his,
        ):
            await call.start()
            await call.part()
            assert isinstance(await his.snapshot(), ClubSnapshot)

            await api.call("PUT", role, {"role": "member"}, key=alice.key)

            more = True
            while more:
                _, more = await call.part()
            await until_lost(his)
            await hers.snapshot()


async def test_what_an_ended_key_has_open_ends_and_no_other(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api, serving(api.app) as url:
        alice = await api.join("alice")
        key = await key_for(api, alice)
        async with (
            Client.connect(url, alice.key) as stays,
            Client.connect(url, key) as goes,
        ):
            await goes.snapshot()

            await api.call("DELETE", f"/api/keys/{key.split('_')[1]}", key=alice.key)

            await until_lost(goes)
            await stays.snapshot()
        with pytest.raises(AuthenticationError):
            async with Client.connect(url, key):
                pytest.fail("connected")


async def test_the_last_operator_is_not_demoted(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        role = f"/api/members/{alice.member.id}/role"

        refused = await api.call("PUT", role, {"role": "member"}, key=alice.key)
        unknown = await api.call("PUT", role, {"role": "king"}, key=alice.key)
        nobody = await api.call(
            "PUT", "/api/members/m_none/role", {"role": "auditor"}, key=alice.key
        )

        assert refused.status == 403
        assert "last operator" in error_of(refused)["message"]
        assert (unknown.status, nobody.status) == (400, 400)
        assert (await api.call("GET", "/api/members", key=alice.key)).status == 200


async def test_a_guest_comes_by_invite(tmp_path: Path) -> None:
    async with api_club(tmp_path, registration="invite") as api:
        alice = await api.join("alice")
        bob = {"name": "bob", "password": PASSWORD}
        assert (await api.call("POST", "/api/register", bob)).status == 403

        made = await api.call("POST", "/api/invites", key=alice.key)
        assert made.status == 201
        invite = made.json()
        came = await api.call(
            "POST", "/api/register", {**bob, "invite": invite["invite"]}
        )

        assert came.status == 201
        listed = await api.call("GET", "/api/invites", key=alice.key)
        [shown] = listed.json()["invites"]
        assert (shown["id"], shown["state"]) == (invite["id"], "used")
        assert shown["used_by"] == came.json()["member"]["id"]
        assert invite["invite"].encode() not in listed.body
        late = await api.call("DELETE", f"/api/invites/{invite['id']}", key=alice.key)
        assert late.status == 403


async def test_guessed_invites_are_counted(tmp_path: Path) -> None:
    async with api_club(tmp_path, registration="invite") as api:
        await api.join("alice")
        body = {"name": "bob", "password": PASSWORD, "invite": "civ_guess"}
        statuses = [
            (await api.call("POST", "/api/register", body)).status for _ in range(21)
        ]

        assert statuses == [403] * 20 + [429]


async def test_members_are_kept_apart(tmp_path: Path) -> None:
    """Of another member's key, invite and task nobody learns whether it is there."""
    async with api_club(tmp_path) as api:
        await api.join("root")
        alice, bob = await api.join("alice"), await api.join("bob")
        key = (await key_for(api, alice)).split("_")[1]
        invite = (await api.call("POST", "/api/invites", key=alice.key)).json()["id"]
        await api.club.add("attic", owner=alice.member)
        async with api.club.client(alice.member) as client:
            await client.ask("Q", model="m")

        for theirs, unknown in (
            (f"/api/keys/{key}", "/api/keys/unknown0"),
            (f"/api/invites/{invite}", "/api/invites/unknown0"),
        ):
            answers = [
                await api.call("DELETE", path, key=bob.key)
                for path in (theirs, unknown)
            ]
            assert [answer.status for answer in answers] == [403, 403]
            said = [
                error_of(answer)["message"].replace(path.rsplit("/")[-1], "X")
                for answer, path in zip(answers, (theirs, unknown), strict=True)
            ]
            assert said[0] == said[1]
        for path, name in (
            ("/api/keys", "keys"),
            ("/api/invites", "invites"),
            ("/api/tasks", "tasks"),
        ):
            seen = (await api.call("GET", path, key=bob.key)).json()[name]
            assert all(key != each["id"] != invite for each in seen)
            assert name != "tasks" or seen == []
        assert (await api.call("GET", "/api/tasks", key=alice.key)).json()["tasks"]


async def test_the_audit_log_tells_the_story(tmp_path: Path) -> None:
    async with api_club(tmp_path, registration="invite") as api:
        alice = await api.join("alice")
        key = await key_for(api, alice, label="hunter2")
        await api.call("DELETE", f"/api/keys/{key.split('_')[1]}", key=alice.key)
        invite = (await api.call("POST", "/api/invites", key=alice.key)).json()
        bob = {"name": "bob", "password": PASSWORD, "invite": invite["invite"]}
        guest = (await api.call("POST", "/api/register", bob)).json()["member"]["id"]
        wrong = {"name": "bob", "password": "wrong horse"}
        await api.call("POST", "/api/login", wrong)
        await api.call("POST", "/api/login", {**wrong, "name": "wrong.horse.3"})
        await api.call(
            "PUT", f"/api/members/{guest}/role", {"role": "auditor"}, key=alice.key
        )
        login = await logged_in(api, "bob")
        await refreshed(api, login["refresh_token"])
        await refreshed(api, login["refresh_token"])
        await api.call("POST", "/api/logout-everywhere", key=alice.key)

        page = await api.call("GET", "/api/audit?limit=7", key=alice.key)
        rest = await api.call(
            "GET", f"/api/audit?limit=50&before={page.json()['next']}", key=alice.key
        )

        lines = [*page.json()["entries"], *rest.json()["entries"]][::-1]
        her = alice.member.id
        assert [(line["action"], line["actor"]) for line in lines] == [
            ("member.registered", her),
            ("key.made", her),
            ("key.made", her),
            ("key.revoked", her),
            ("invite.made", her),
            ("invite.used", guest),
            ("member.registered", guest),
            ("login.failed", ""),
            ("login.failed", ""),
            ("role.changed", her),
            ("refresh.reused", guest),
            ("logout.everywhere", her),
        ]
        assert [line["object"] for line in lines[7:9]] == [guest, ""]
        assert rest.json()["next"] is None
        assert [line["seq"] for line in lines] == list(range(1, 13))
        for secret in (key, invite["invite"], "horse", "hunter2", PASSWORD):
            assert secret.encode() not in page.body + rest.body


@pytest.mark.parametrize("query", ["limit=x", "before=-1", "before=x", "limit=1e3"])
async def test_a_page_that_is_none_is_refused(query: str, tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")

        refused = await api.call("GET", f"/api/audit?{query}", key=alice.key)

        assert refused.status == 400


async def test_an_empty_page_has_no_next(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")

        page = await api.call("GET", "/api/audit?limit=0", key=alice.key)

        assert page.json() == {"entries": [], "next": None}


def test_requests_do_not_show_their_secrets() -> None:
    account = NewAccount(name="alice", password=PASSWORD, invite="civ_secret")

    assert PASSWORD not in repr(account)
    assert "civ_secret" not in repr(account)
    assert "crt_secret" not in repr(RefreshRequest("crt_secret"))


async def test_an_operator_looks_after_others_keys(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        root, bob = await api.join("root"), await api.join("bob")
        await key_for(api, bob, label="lab")
        path = f"/api/keys?member={bob.member.id}"
        listed = await api.call("GET", path, key=root.key)
        own = await api.call("GET", "/api/keys", key=bob.key)
        asked = await api.call("GET", path, key=bob.key)
        foreign = await api.call(
            "GET", f"/api/keys?member={root.member.id}", key=bob.key
        )
        unknown = await api.call("GET", "/api/keys?member=m_none", key=root.key)
        keys = own.json()["keys"]
        [key] = [each for each in keys if each["label"] == "lab"]
        ended = await api.call("DELETE", f"/api/keys/{key['id']}", key=root.key)
        after = await api.call("GET", "/api/keys", key=bob.key)
        log = await api.call("GET", f"/api/audit?object={key['id']}", key=root.key)

    assert listed.json() == own.json() == asked.json()
    assert b"secret" not in listed.body
    assert (foreign.status, unknown.status, ended.status) == (403, 400, 204)
    assert [each["id"] for each in after.json()["keys"] if each["revoked_at"]] == [
        key["id"]
    ]
    line = log.json()["entries"][0]
    assert (line["actor"], line["action"]) == (root.member.id, "key.revoked")
    assert line["detail"] == f"of {bob.member.id}"


async def test_use_is_shown_to_its_member_and_to_operators(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        root, bob = await api.join("root"), await api.join("bob")
        await api.club.add("attic", ScriptedBackend(), owner=root.member)
        async with api.club.client(bob.member) as client:
            await client.ask("Q", model="m")
        members = await api.call("GET", "/api/members", key=root.key)
        path = f"/api/members/{bob.member.id}/usage"
        mine = await api.call("GET", path, key=bob.key)
        shown = await api.call("GET", path + "?days=2", key=root.key)
        foreign = await api.call(
            "GET", f"/api/members/{root.member.id}/usage", key=bob.key
        )
        wrong = await api.call("GET", path + "?days=91", key=bob.key)

    first, second = members.json()["members"]
    assert (first["tasks_today"], first["last_asked_at"]) == (0, 0)
    assert (second["tasks_today"], second["tokens_today"]) == (1, 7)
    assert second["tokens_30d"] == 7
    assert second["last_asked_at"] > second["created_at"]
    days = mine.json()["days"]
    assert len(days) == 30
    assert shown.json()["days"] == days[-2:]
    assert {**days[-1], "day": ""} == {
        "day": "",
        "tasks": 1,
        "failed": 0,
        "prompt_tokens": 5,
        "completion_tokens": 2,
    }
    assert foreign.status == 403
    assert (wrong.status, error_of(wrong)["param"]) == (400, "days")
