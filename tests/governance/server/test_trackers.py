"""Nobody goes round their role by the tracker's pages: the same accounts, the same table, over HTTP."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
import requests

from governance.access.roles import MATRIX
from governance.access.routes import READING
from governance.server.start import start
from governance.server.trackers import Store
from governance.server.trackers.mlflow import rule
from tests.governance.served import LEFT, PASSWORD, ROLES, Served, free_port, member

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("server")]

Ask = Callable[..., requests.Response]


@pytest.fixture(scope="module")
def page(server: Served, tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Asks the page of oncology's runs in production, below its interface, as whoever is named."""
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('tracking') / 'mlflow.db'}", "oncology", "production")
    services = start(server.platform, port=free_port(), pages={"oncology-production": store})
    url = services[-1].url

    def ask(who: str | None, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        headers = server.clients[who].headers if who else {}
        below = path if path.startswith("/") else f"/api/2.0/mlflow/{path}"
        return requests.request(method, f"{url}{below}", json=body, headers=headers, timeout=60, **more)

    return ask


def _name() -> str:
    return f"made-{uuid.uuid4().hex[:8]}"


def _experiment(page: Ask) -> str:
    made = page(member("ml-engineer"), "POST", "experiments/create", {"name": _name()})
    assert made.ok, made.text
    return str(made.json()["experiment_id"])


def _run(page: Ask) -> str:
    made = page(member("ml-engineer"), "POST", "runs/create", {"experiment_id": _experiment(page)})
    return str(made.json()["run"]["info"]["run_id"])


def _version(page: Ask) -> str:
    name, run = _name(), _run(page)
    assert page(member("ml-engineer"), "POST", "registered-models/create", {"name": name}).ok
    made = {"name": name, "source": f"runs:/{run}/x", "run_id": run}
    version = page(member("ml-engineer"), "POST", "model-versions/create", made)
    assert version.ok, version.text
    return name


ATTEMPTS: dict[str, Callable[[Ask, str], requests.Response]] = {
    "view models": lambda page, who: page(who, "POST", "runs/search", {"experiment_ids": ["0"]}),
    "execute pipelines": lambda page, who: page(who, "POST", "experiments/create", {"name": _name()}),
    "create models": lambda page, who: page(who, "POST", "registered-models/create", {"name": _name()}),
    "promote to production": lambda page, who: page(
        who, "POST", "registered-models/alias", {"name": _version(page), "alias": "champion", "version": "1"}
    ),
    "delete resources": lambda page, who: page(who, "POST", "runs/delete", {"run_id": _run(page)}),
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("action", ATTEMPTS)
def test_each_role_does_on_the_pages_what_the_table_says(page: Ask, action: str, role: str) -> None:
    attempt = ATTEMPTS[action]
    if action in MATRIX[role]:  # type: ignore[index]
        assert attempt(page, member(role)).ok
        stranger = LEFT if action.startswith("view") else member(role, "diabetes-care")
        refused = attempt(page, stranger)
    else:
        assert attempt(page, member("platform-admin")).ok, "else the refusal would say nothing"
        refused = attempt(page, member(role))
    assert refused.status_code == 403, refused.text
    assert "may not" in refused.text


def test_every_changing_route_of_the_installed_tracker_is_refused_to_who_only_reads(page: Ask) -> None:
    from mlflow.server import app as flask
    from mlflow.server.fastapi_app import app as fastapi

    routes = {(method, str(held)) for held in flask.url_map.iter_rules() for method in held.methods or ()}
    routes |= {(method.upper(), path) for path, methods in fastapi.openapi()["paths"].items() for method in methods}
    changing = sorted((method, path) for method, path in routes if method not in READING)
    assert len(changing) > 100
    who, passed = member("auditor"), []
    for method, path in changing:
        filled = path.replace("<path:", "<").replace("{", "<").replace("}", ">")
        while "<" in filled:
            filled = filled[: filled.index("<")] + "0" + filled[filled.index(">") + 1 :]
        if rule(method, filled)[0] == "view models":
            continue
        if (status := page(who, method, filled, {}).status_code) != 403:
            passed.append((method, filled, status))
    assert passed == []
    searching = {path for method, path in changing if rule(method, path)[0] == "view models"}
    assert all("search" in path or path.endswith(("graphql", "latest-versions", "metrics")) for path in searching)


def test_what_is_not_listed_is_served_to_nobody(page: Ask) -> None:
    for who in (member("platform-admin"), "admin"):
        for method, path in (("POST", "/api/3.0/mlflow/gateway/secrets/create"), ("GET", "/api/2.0/mlflow/users/get")):
            answer = page(who, method, path)
            assert (answer.status_code, answer.text) == (403, f"{method} {path} is not served.")


def test_who_asks_shows_it_by_the_platforms_password_and_is_out_once_deactivated(server: Served, page: Ask) -> None:
    anonymous = page(None, "GET", "/")
    assert anonymous.status_code == 401
    assert anonymous.headers["WWW-Authenticate"].startswith("Basic")
    assert page(None, "GET", "/health").ok
    assert page(None, "GET", "/", auth=(member("auditor"), "wrong")).status_code == 401
    assert page(None, "GET", "/", auth=(member("auditor"), PASSWORD)).ok
    name = "leaving@example.com"
    server.add_person(name)
    assert page(None, "GET", "/", auth=(name, PASSWORD)).status_code == 403
    assert server.admin("PUT", f"users/{name}/deactivate").ok
    assert page(None, "GET", "/", auth=(name, PASSWORD)).status_code == 401
    assert page(name, "GET", "/").status_code == 401
