"""The roles hold on a server that runs, for whoever asks by HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from environments import SHARED_PROJECT
from governance.access.roles import ACTIONS, MATRIX, Action
from governance.access.routes import API, READING, Route, UnguardedRouteError, refuse_unguarded, routes_of, rules
from tests.conftest import edit_yaml
from tests.governance.served import LEFT, PASSWORD, ROLES, TEAMS, Client, Served, member, snapshot

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("server")]

Try = Callable[[Served, Client], requests.Response]


def _set_stage(stage: str) -> Try:
    def attempt(world: Served, client: Client) -> requests.Response:
        return client("PUT", f"model_versions/{world.version()}", {"stage": stage, "force": True})

    return attempt


def _change_stack(world: Served, client: Client) -> requests.Response:
    return client("PUT", f"stacks/{world.things['oncology production stack']}", {"description": "changed"})


def _create_version(world: Served, client: Client) -> requests.Response:
    return client("POST", "model_versions", {"model": world.things["oncology model"], **world.project})


def _execute(world: Served, client: Client) -> requests.Response:
    return client("POST", "pipeline_snapshots", snapshot(world, world.things["oncology production stack"]))


ATTEMPTS: dict[Action, Try] = {
    "view models": lambda world, client: client("GET", "models"),
    "create models": _create_version,
    "promote to staging": _set_stage("staging"),
    "promote to production": _set_stage("production"),
    "view stacks": lambda world, client: client("GET", "stacks"),
    "modify stacks": _change_stack,
    "execute pipelines": _execute,
    "delete resources": lambda world, client: client("DELETE", f"model_versions/{world.version()}"),
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("action", ACTIONS)
def test_each_role_does_what_the_table_says_and_nothing_else(server: Served, role: str, action: Action) -> None:
    attempt, theirs = ATTEMPTS[action], server.clients[member(role)]
    if action in MATRIX[role]:  # type: ignore[index]
        assert attempt(server, theirs).ok
        stranger = LEFT if action.startswith("view") else member(role, "diabetes-care")
        answer = attempt(server, server.clients[stranger])
    else:
        assert attempt(server, server.clients[member("platform-admin")]).ok, "else the refusal would say nothing"
        answer = attempt(server, theirs)
    assert answer.status_code == 403, answer.text
    assert "may not" in answer.text or "no role" in answer.text


def _served_routes(world: Served) -> list[tuple[str, str]]:
    paths = requests.get(f"{world.api.removesuffix('/api/v1')}/openapi.json", timeout=30).json()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods if path.startswith(API)]


NOBODY = "nobody"


@pytest.mark.parametrize("who", [NOBODY, LEFT, *ROLES])
def test_every_route_refuses_whoever_may_not_call_it(server: Served, who: str) -> None:
    """With an empty body and identifiers of nothing: what is answered otherwise than by a refusal was let through."""
    client = Client(server.api) if who == NOBODY else server.clients[member(who) if who in ROLES else who]
    passed, tried = [], 0
    for method, path in _served_routes(server):
        rule = rules()[method, path]
        if rule.level == "open":
            continue
        tried += 1
        refused = who in (NOBODY, LEFT) or (
            rule.level != "anyone" and (rule.action is None or rule.action not in MATRIX[who])  # type: ignore[index]
        )
        filled = path.removeprefix(API)
        while "{" in filled:
            filled = (
                filled[: filled.index("{")] + "0" * 8 + "-0000-4000-8000-" + "0" * 12 + filled[filled.index("}") + 1 :]
            )
        status = client(method, filled, None if method in READING else {}).status_code
        expected = {401} if who == NOBODY else {403} if refused else {*range(200, 500), 501} - {401}
        if status not in expected:
            passed.append((method, path, status))
    assert passed == []
    assert tried > 200


def test_every_route_of_the_installed_server_is_listed_so_that_an_upgrade_opens_nothing() -> None:
    from zenml.zen_server import auth, zen_server_api

    found = list(routes_of(zen_server_api.app, auth.authorize))
    assert len(found) > 250
    assert {(route.method, route.template) for route in found if route.asks} <= rules().keys()
    assert {route.template for route in found if route.changes and not route.asks} == {
        "/api/v1/login",
        "/api/v1/device_authorization",
        "/api/v1/activate",
        "/api/v1/users/{user_name_or_id}/activate",
        "/api/v1/webhooks/{webhook_type}/{webhook_id}/events",
    }
    refuse_unguarded(found)
    with pytest.raises(UnguardedRouteError, match="/api/v1/models/"):
        refuse_unguarded(routes_of(zen_server_api.app, auth.get_authorization_provider()))  # routers that kept another
    for new in (Route("PUT", "/api/v1/backdoor", False), Route("GET", "/api/v1/everything", False)):
        with pytest.raises(UnguardedRouteError, match=new.template):
            refuse_unguarded([*found, new])


def test_values_of_secrets_are_read_by_those_whose_they_are(server: Served) -> None:
    def reads(who: str, secret: str) -> bool:
        client = server.clients[member(who)]
        alone = client("GET", f"secrets/{server.things[secret]}")
        assert alone.ok, alone.text
        listed = client("GET", "secrets", params={"size": 100, "hydrate": True})
        assert server.things[secret] in listed.text
        assert "hidden-" not in listed.text  # the list holds nobody's
        return "hidden-" in alone.text

    assert reads("data-scientist", "oncology dev secret")
    assert reads("ml-engineer", "oncology production secret")
    assert not reads("ml-engineer", "diabetes-care dev secret")
    assert not reads("auditor", "oncology dev secret")


def test_a_team_sees_its_own_project_and_an_auditor_all(server: Served) -> None:
    with server.per_team() as made:
        _seen_by_their_own(server, made)


def _seen_by_their_own(server: Served, made: dict[str, str]) -> None:
    shared = made.pop(SHARED_PROJECT)
    server.project_named("of-a-team-that-left")
    models = {
        team: server.admin.made("models", {"name": f"seen_by_{team.replace('-', '_')}", "project": project})
        for team, project in made.items()
    }

    def seen(who: str) -> set[str]:
        return {project["name"] for project in server.clients[who]("GET", "projects").json()["items"]}

    scientist, auditor = server.clients[member("data-scientist")], server.clients[member("auditor")]
    assert seen(member("data-scientist")) == {"default", SHARED_PROJECT, "oncology"}
    assert seen(member("auditor")) == {"default", SHARED_PROJECT, "of-a-team-that-left", *made}
    assert scientist("GET", f"models/{models['oncology']}").ok
    assert scientist("GET", f"models/{models['diabetes-care']}").status_code == 403
    assert auditor("GET", f"models/{models['diabetes-care']}").ok
    listed = scientist("GET", "models", params={"project": made["diabetes-care"]})
    assert listed.json()["items"] == []
    assert auditor("GET", "models", params={"project": made["diabetes-care"]}).json()["total"] >= 1
    assert scientist("GET", "models", params={"project": shared}).ok
    body = {"name": "seen_pipeline", "project": made["diabetes-care"]}
    assert scientist("POST", "pipelines", body).status_code == 403
    assert scientist("POST", "pipelines", {**body, "project": made["oncology"]}).ok

    versions = {
        team: server.admin.made("model_versions", {"model": models[team], "project": project})
        for team, project in made.items()
    }
    for links in ("model_version_artifacts", "model_version_pipeline_runs"):
        own = {"model_version_id": versions["oncology"]}
        assert scientist("GET", links, params=own).ok
        others = {"model_version_id": versions["diabetes-care"]}
        for wider in ({}, others, {**own, "logical_operator": "or"}, {"model_version_id": [*own.values()] * 2}):
            answer = scientist("GET", links, params=wider)
            assert answer.status_code == 403 and "of every team" in answer.text, (links, wider, answer.text)
            assert auditor("GET", links, params=wider).ok
    assert scientist("GET", "resource_requests").status_code == 403
    assert auditor("GET", "resource_requests").status_code == 501, "let through; the open server has none"


def test_in_a_shared_project_links_are_those_of_ones_own_team(server: Served) -> None:
    versions = {team: server.version(team) for team in TEAMS}
    for links in ("model_version_artifacts", "model_version_pipeline_runs"):
        for team, other in (("oncology", "diabetes-care"), ("diabetes-care", "oncology")):
            theirs = server.clients[member("ml-engineer", team)]
            assert theirs("GET", links, params={"model_version_id": versions[team]}).ok
            for wider in ({"model_version_id": versions[other]}, {}):
                answer = theirs("GET", links, params=wider)
                assert answer.status_code == 403 and "of every team" in answer.text, (links, wider, answer.text)
        assert server.clients[member("auditor")]("GET", links).ok


def _without(person: str) -> Callable[[dict[str, Any]], object]:
    def change(raw: dict[str, Any]) -> None:
        for section in raw["environments"].values():
            section["members"].pop(person)

    return change


def test_a_person_whom_applied_files_name_no_more_is_out_at_the_next_request(server: Served) -> None:
    file = server.settings / "teams" / "oncology.yaml"
    before = file.read_text()
    client = server.clients[member("data-scientist")]
    assert client("GET", "models").ok
    try:
        edit_yaml(file, _without(member("data-scientist")))
        server.apply()
        assert client("GET", "models").status_code == 403
        file.write_text("team: [")
        assert server.clients[member("ml-engineer")]("GET", "models").ok, "what was applied goes on to count"
    finally:
        file.write_text(before)
        server.apply()
    assert client("GET", "models").ok


def test_files_that_were_not_applied_grant_nothing(server: Served) -> None:
    file = server.settings / "teams" / "oncology.yaml"
    before = file.read_text()
    promote = _set_stage("production")
    client = server.clients[member("data-scientist")]

    def raise_them(raw: dict[str, Any]) -> None:
        for section in raw["environments"].values():
            section["members"][member("data-scientist")] = "platform-admin"

    try:
        edit_yaml(file, raise_them)
        assert promote(server, client).status_code == 403
        server.apply("dev")
        assert promote(server, client).status_code == 403, "what counts in dev is not what counts in production"
        server.apply("production")
        assert promote(server, client).ok
    finally:
        file.write_text(before)
        server.apply()
    assert promote(server, client).status_code == 403


def test_kept_settings_that_the_log_does_not_name_count_for_nothing(server: Served) -> None:
    from environments import pick_cloud
    from governance.records.applied import kept_in

    production = server.platform.environment("production")
    folder = kept_in(production, pick_cloud(production, None))
    kept = {file: file.read_bytes() for file in folder.iterdir()}
    team = server.settings / "teams" / "oncology.yaml"
    before = team.read_text()
    client, auditor = server.clients[member("ml-engineer")], server.clients[member("auditor")]
    promote = _set_stage("production")
    assert promote(server, client).ok
    try:
        edit_yaml(team, _without(member("auditor")))  # so that the checkout's own files are not those either
        for file, content in kept.items():
            file.unlink()
            file.write_bytes(content.replace(b'"auditor"', b'"platform-admin"'))
        for who in (client, auditor):
            assert promote(server, who).status_code == 403
        answer = server.clients[LEFT]("GET", "models")
        assert "what was last applied there is not at hand: make apply ENV=production" in answer.text
    finally:
        team.write_text(before)
        for file, content in kept.items():
            file.write_bytes(content)
        folder.touch()
    assert promote(server, client).ok


def test_a_deactivated_persons_token_is_worth_nothing(server: Served) -> None:
    name = member("auditor", "diabetes-care")
    client = server.clients[name]
    assert client("GET", "models").ok
    for route, body in ((f"users/{name}", {"active": False}), (f"users/{name}/deactivate", None)):
        assert server.admin("PUT", route, body).ok
        assert client("GET", "models").status_code == 401
    refused = requests.post(f"{server.api}/login", data={"username": name, "password": PASSWORD}, timeout=30)
    assert refused.status_code == 401
