"""Ways round the roles of the shared server that people with an account would try, by HTTP."""

from __future__ import annotations

import time
from typing import Any

import pytest

from governance.audit import locate, open_reader
from governance.audit.events import AccessDecision
from tests.governance.served import PASSWORD, ROLES, Client, Served, member, snapshot

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("server")]

SCIENTIST, ENGINEER, ADMIN = (member(role) for role in ("data-scientist", "ml-engineer", "platform-admin"))


def _refused(answer: Any, status: int = 403) -> bool:
    assert answer.status_code == status, (answer.status_code, answer.text)
    return True


def test_whoever_made_a_model_brings_it_into_production(server: Served) -> None:
    scientist = server.clients[SCIENTIST]
    body = {"model": server.things["oncology model"], **server.project}
    made = scientist.made("model_versions", body)
    assert _refused(scientist("PUT", f"model_versions/{made}", {"stage": "production", "force": True}))
    assert _refused(scientist("POST", "model_versions", {**body, "stage": "production"}))
    assert _refused(scientist("POST", "model_versions", {**body, "stage": "Production"}))
    assert _refused(scientist("DELETE", f"model_versions/{made}"))
    assert scientist("PUT", f"model_versions/{made}", {"description": "mine"}).ok


def test_a_version_is_taken_out_of_production_or_given_new_content(server: Served) -> None:
    version, scientist = server.version(stage="production"), server.clients[SCIENTIST]
    for body in ({"stage": "archived"}, {"stage": "none"}, {"stage": "staging"}, {"description": "better"}):
        assert _refused(scientist("PUT", f"model_versions/{version}", body))
    link = {"model_version": version, "artifact_version": "0" * 32}
    assert _refused(scientist("POST", "model_version_artifacts", link))
    described = {"resources": [{"id": version, "type": "model_version"}], "values": {}, "types": {}, **server.project}
    assert _refused(scientist("POST", "run-metadata", described))


@pytest.mark.parametrize("who", ["ml-engineer", "platform-admin", "admin"])
def test_a_version_in_production_passes_under_another_name_or_tag(server: Served, who: str) -> None:
    client = server.clients[who if who == "admin" else member(who)]
    version = server.version(stage="production")
    for body in ({"name": "champion"}, {"add_tags": ["approved"]}, {"remove_tags": ["governed"]}):
        assert _refused(client("PUT", f"model_versions/{version}", body))
    tag = client.made("tags", {"name": f"approved-{version}"})
    link = {"tag_id": tag, "resource_id": version, "resource_type": "model_version"}
    assert _refused(client("POST", "tag_resources", link))
    assert _refused(client("POST", "tag_resources/batch", [link]))
    assert _refused(client("PUT", f"models/{server.things['oncology model']}", {"name": "another_classifier"}))


def test_a_teams_stack_borrows_another_teams_parts(server: Served) -> None:
    engineer, things = server.clients[ENGINEER], server.things
    theirs = {kind: [things[f"diabetes-care production {kind}"]] for kind in ("orchestrator", "artifact_store")}
    mine = f"stacks/{things['oncology production stack']}"
    assert _refused(engineer("PUT", mine, {"components": theirs}))
    assert _refused(engineer("POST", "stacks", {"name": "local-oncology-production-2", "components": theirs}))
    assert _refused(engineer("PUT", mine, {"add_secrets": [things["diabetes-care production secret"]]}))
    assert _refused(engineer("PUT", mine, {"name": "local-diabetes-care-production-2"}))
    component = {"name": "local-diabetes-care-dev-x", "type": "orchestrator", "flavor": "local", "configuration": {}}
    assert _refused(engineer("POST", "components", component))
    assert _refused(engineer("POST", "components", {**component, "name": "of-nobody"}))


def test_a_run_on_another_teams_stack_names_an_own_thing_as_well(server: Served) -> None:
    engineer, things = server.clients[ENGINEER], server.things
    own, foreign = things["oncology dev snapshot"], things["diabetes-care dev snapshot"]
    run = {"name": "run", "snapshot": foreign, "pipeline": things["pipeline"], "status": "running", **server.project}
    assert _refused(engineer("POST", "runs", run))
    assert _refused(engineer("POST", "runs", {**run, "snapshot_id": own}))
    used = snapshot(server, things["diabetes-care dev stack"])
    assert _refused(engineer("POST", "pipeline_snapshots", {**used, "stack_id": things["oncology dev stack"]}))
    version = {"model": things["diabetes-care model"], "model_version": server.version(), **server.project}
    assert _refused(engineer("POST", "model_versions", version))


def test_somebody_takes_another_name_or_another_persons_role(server: Served) -> None:
    scientist = server.clients[SCIENTIST]
    assert _refused(scientist("PUT", "current-user", {"name": "boss@example.com"}))
    assert _refused(scientist("PUT", "current-user", {"is_admin": True}))
    for role in ROLES:
        client = server.clients[member(role)]
        assert _refused(client("POST", "users", {"name": "x@example.com", "password": "y", "is_admin": True}))
        assert _refused(client("PUT", f"users/{ENGINEER}", {"active": False}))
        assert _refused(client("PUT", "settings", {"server_name": "mine"}))
    # A service account that is called like a person is not that person; one of another environment stays there.
    for name, environment, allowed in ((ENGINEER, "dev", False), ("ci-dev", "dev", True), ("ci-dev", "staging", False)):
        client = server.log_in_by_key(_key_of(server, name))
        used = snapshot(server, server.things[f"oncology {environment} stack"])
        answer = client("POST", "pipeline_snapshots", used)
        assert answer.ok if allowed else _refused(answer)


def _key_of(server: Served, name: str) -> str:
    if name not in server.things:
        account = server.admin.made("service_accounts", {"name": name, "active": True})
        key = server.admin("POST", f"service_accounts/{account}/api_keys", {"name": "key"}).json()["body"]["key"]
        server.things[name] = key
    return server.things[name]


def test_a_refusal_and_a_promotion_leave_no_trace(server: Served) -> None:
    version, scientist = server.version(), server.clients[SCIENTIST]
    for _ in range(3):
        assert _refused(scientist("PUT", f"model_versions/{version}", {"stage": "production"}))
    assert server.clients[ENGINEER]("PUT", f"model_versions/{version}", {"stage": "production", "force": True}).ok
    promoted: list[AccessDecision] = []
    deadline = time.monotonic() + 30
    while {event.decision for event in promoted} != {"granted", "denied"} and time.monotonic() < deadline:
        time.sleep(0.2)
        reader = open_reader(server.platform, "production")
        reader.refresh()
        events = (entry.event for entry in reader.newest_first())
        decisions = [event for event in events if isinstance(event, AccessDecision)]
        promoted = [event for event in decisions if event.action == "promote_to_production"]
    granted = next(event for event in promoted if event.decision == "granted")
    denied = next(event for event in promoted if event.decision == "denied")
    assert granted.subject == denied.subject == "breast_cancer_classifier"
    assert granted.route == "PUT:model_versions/model_version_id"
    assert "oncology/production/data-scientist" in denied.roles
    assert granted.actor != denied.actor
    subjects = locate(server.platform, "production").subjects()
    assert SCIENTIST in subjects.reveal(denied.actor).values()
    assert reader.verify().ok


def test_an_invitation_is_taken_under_another_name(server: Served) -> None:
    invited = server.admin("POST", "users", {"name": "invited@example.com", "is_admin": False}).json()
    body = {"activation_token": invited["body"]["activation_token"], "password": PASSWORD}
    path = f"users/{invited['id']}/activate"
    nobody = Client(server.api)
    assert _refused(nobody("PUT", path, {**body, "name": "edsger@example.com"}))
    assert nobody("PUT", path, body).json()["name"] == "invited@example.com"
