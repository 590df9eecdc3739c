"""A guarded server that runs, with people of every role in two teams and one of each thing, and clients of theirs."""

from __future__ import annotations

import random
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from environments import SHARED_PROJECT, Platform, Role, load_platform, stack_name
from governance.audit import locate
from governance.infrastructure import AuditRecorder
from governance.server.start import start, stop
from governance.server.state import ADMINISTRATOR, Home
from stack_bootstrap.plans import Changes
from stack_bootstrap.recorders import InfrastructureAct
from stack_bootstrap.workspace import workspace
from tests.conftest import copy_settings, edit_yaml

TEAMS = {"oncology": "breast_cancer_classifier", "diabetes-care": "diabetes_progression_classifier"}
ROLES: tuple[Role, ...] = ("data-scientist", "ml-engineer", "platform-admin", "auditor")
ENVIRONMENTS = ("dev", "staging", "production")
PASSWORD = "for-tests-only-1"
LEFT = "left@example.com"
"""Somebody with an account who stands in no team's file."""


def member(role: str, team: str = "oncology") -> str:
    """Return the address of who holds ``role`` in every environment of ``team``."""
    return f"{role}.{team}@example.com"


def free_port(following: int = 4) -> int:
    """Return a port that no program listens on just now, nor on the ``following`` ones.

    It lies below those that the system gives to outgoing connections (from 32768 on Linux), which come and go.
    """
    for port in random.SystemRandom().sample(range(12_000, 29_000), 200):
        if all(_free(candidate) for candidate in range(port, port + following + 1)):
            return port
    raise AssertionError("no port is free below 29000")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@dataclass
class Client:
    """Somebody's requests."""

    api: str
    headers: dict[str, str] = field(default_factory=dict)

    def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        return requests.request(method, f"{self.api}/{path}", json=body, headers=self.headers, timeout=30, **more)

    def made(self, path: str, body: Any) -> str:
        answer = self("POST", path, body)
        assert answer.ok, (path, answer.status_code, answer.text)
        return str(answer.json()["id"])


@dataclass
class Served:
    """The server's address, settings, and what was made on it."""

    api: str
    settings: Path
    clients: dict[str, Client] = field(default_factory=dict)
    things: dict[str, str] = field(default_factory=dict)

    @property
    def platform(self) -> Platform:
        return load_platform(self.settings)

    @property
    def admin(self) -> Client:
        return self.clients[ADMINISTRATOR]

    def log_in(self, name: str, password: str = PASSWORD) -> Client:
        answer = requests.post(f"{self.api}/login", data={"username": name, "password": password}, timeout=30)
        assert answer.ok, (name, answer.text)
        self.clients[name] = Client(self.api, {"Authorization": f"Bearer {answer.json()['access_token']}"})
        return self.clients[name]

    def log_in_by_key(self, key: str) -> Client:
        """Log in as the service account whose API key this is: a key itself costs seconds a request."""
        form = {"grant_type": "zenml-api-key", "password": key}
        answer = requests.post(f"{self.api}/login", data=form, timeout=30)
        assert answer.ok, answer.text
        return Client(self.api, {"Authorization": f"Bearer {answer.json()['access_token']}"})

    def add_person(self, name: str) -> Client:
        self.admin.made("users", {"name": name, "password": PASSWORD, "active": True, "is_admin": False})
        return self.log_in(name)

    def version(self, team: str = "oncology", stage: str | None = None) -> str:
        """Make a new version of the team's model, in ``stage`` if one is named."""
        made = self.admin.made("model_versions", {"model": self.things[f"{team} model"], **self.project})
        if stage:
            answer = self.admin("PUT", f"model_versions/{made}", {"stage": stage, "force": True})
            assert answer.ok, answer.text
        return made

    def apply(self, *environments: str) -> None:
        """Record the settings as they are now, as an apply does that finds nothing to change."""
        apply_settings(self.platform, *environments)

    @contextmanager
    def per_team(self) -> Iterator[dict[str, str]]:
        """Let a project for each team be what was last applied, within the block; yield the projects by name."""
        file = self.settings / "platform.yaml"
        before = file.read_text()
        try:
            edit_yaml(file, lambda raw: raw.update(projects="per-team"))
            self.apply()
            yield {name: self.project_named(name) for name in (*TEAMS, SHARED_PROJECT)}
        finally:
            file.write_text(before)
            self.apply()

    def project_named(self, name: str) -> str:
        """Return the project called ``name``, made if it is not there."""
        there = self.admin("GET", f"projects/{name}")
        return str(there.json()["id"]) if there.ok else self.admin.made("projects", {"name": name})

    @property
    def project(self) -> dict[str, str]:
        return {"project": self.things["project"]}


def apply_settings(platform: Platform, *environments: str) -> None:
    """Record that ``environments`` (all by default) were applied with the settings as they are now."""
    for name in environments or platform.environments:
        act = InfrastructureAct("apply", workspace(platform, name, "local"), Changes(), "0" * 64)
        with AuditRecorder().infrastructure(act):
            pass


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """Serve below ``folder`` within the block."""
    settings = copy_settings(folder)
    for team in TEAMS:
        members = {member(role, team): role for role in ROLES}
        edit_yaml(settings / "teams" / f"{team}.yaml", _with_members(members))
    everybody = [LEFT, *(member(role, team) for team in TEAMS for role in ROLES)]
    edit_yaml(settings / "people.yaml", lambda raw: raw["people"].update({name: {} for name in everybody}))
    platform = load_platform(settings)
    ground = locate(platform, "dev").ground / "environments"
    for environment in platform.environments:  # the logs' folders, where Terraform would make them
        (ground / environment / "platform" / "audit").mkdir(parents=True)
    apply_settings(platform)
    try:
        url = start(platform, port=free_port(), pages={})[0].url
        world = Served(f"{url}/api/v1", settings)
        world.log_in(ADMINISTRATOR, Home.of(platform).password.read_text().split("password: ")[1].strip())
        for name in everybody:
            world.add_person(name)
        _make_things(world)
        yield world
    finally:
        stop(platform)


def _with_members(members: dict[str, Role]) -> Callable[[dict[str, Any]], object]:
    def change(raw: dict[str, Any]) -> None:
        for section in raw["environments"].values():
            section["members"] = dict(members)

    return change


def _make_things(world: Served) -> None:
    admin, things = world.admin, world.things
    things["project"] = admin("GET", "projects/default").json()["id"]
    things["pipeline"] = admin.made("pipelines", {"name": "training_pipeline", **world.project})
    for team, model in TEAMS.items():
        things[f"{team} model"] = admin.made("models", {"name": model, **world.project})
        for environment in ENVIRONMENTS:
            name = stack_name(team, environment, "local")
            parts = {}
            for kind, flavor in (("orchestrator", "local"), ("artifact_store", "local")):
                component = {"name": name, "type": kind, "flavor": flavor, "configuration": {}}
                parts[kind] = [admin.made("components", component)]
                things[f"{team} {environment} {kind}"] = parts[kind][0]
            things[f"{team} {environment} stack"] = admin.made("stacks", {"name": name, "components": parts})
            things[f"{team} {environment} snapshot"] = admin.made(
                "pipeline_snapshots", snapshot(world, things[f"{team} {environment} stack"])
            )
            secret = {"name": f"{name}-token", "private": False, "values": {"token": f"hidden-{name}"}}
            things[f"{team} {environment} secret"] = admin.made("secrets", secret)


def snapshot(world: Served, stack: str) -> dict[str, Any]:
    """Return what asks for a snapshot of a pipeline for ``stack``."""
    return {
        "run_name_template": f"run-{uuid.uuid4().hex}",
        "pipeline_configuration": {"name": "training_pipeline"},
        "step_configurations": {},
        "client_environment": {},
        "pipeline": world.things["pipeline"],
        "stack": stack,
        **world.project,
    }
