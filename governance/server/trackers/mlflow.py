"""The pages on which a tracker shows its runs, where runs on this machine have left some; with the platform's roles."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from environments import Platform
from governance.access.routes import OPEN

PAGES = "mlflow"
"""What a page is called, beside the team and environment whose runs it shows."""
SERVER, OWNER = "GROUNDWORK_TRACKER_SERVER", "GROUNDWORK_TRACKER_OWNER"
"""Variables of a page's process: ZenML's server, which says who asks, and whose runs it shows, as team/environment."""

TARGET = "governance.server.trackers.mlflow_target:app"
"""What uvicorn serves as a page."""

_API = re.compile(r"^/(?:ajax-)?api/[0-9.]+/?")
_PAGE = re.compile(r"^/(?:static-files/|health$|version$)")


@dataclass(frozen=True)
class Store:
    """Where the runs of one team in one environment are."""

    uri: str
    team: str
    environment: str


def tracking_stores(platform: Platform) -> dict[str, Store]:
    """Return the tracking stores that runs on this machine have made, by team and environment."""
    return {
        f"{team}-{environment}": Store(f"sqlite:///{file}", team, environment)
        for environment in platform.environments
        for team, file in tracking_files(platform, environment).items()
        if file.is_file()
    }


def tracking_files(platform: Platform, environment: str) -> dict[str, Path]:
    """Return the files that runs of ``environment`` on this machine track to, there or not yet, by team."""
    from governance.core.target import target_for

    if "local" not in platform.environment(environment).model_dump(exclude_none=True):
        return {}
    return {
        team.team: target_for(platform, team.models[0], environment, "local").folder / "mlflow" / "mlflow.db"
        for team in platform.teams.values()
        if environment in team.environments
    }


def tracker_version() -> str:
    """Return the version of the tracker that is installed."""
    return version("mlflow")


def page_command(host: str, port: int) -> list[str]:
    """Return the command that serves a page at ``host`` and ``port``; :func:`page_variables` say of which store."""
    command = [sys.executable, "-m", "uvicorn", TARGET]
    return [*command, "--host", host, "--port", str(port), "--no-access-log"]


def page_variables(store: Store, server: str) -> dict[str, str]:
    """Return the variables of the process that serves ``store`` to those whom ``server`` (ZenML's) knows."""
    return {
        SERVER: server,
        OWNER: f"{store.team}/{store.environment}",
        "_MLFLOW_SERVER_FILE_STORE": store.uri,
        "_MLFLOW_SERVER_REGISTRY_STORE": store.uri,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": str(Path(store.uri.removeprefix("sqlite:///")).parent / "artifacts"),
        "_MLFLOW_SGI_NAME": "uvicorn",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }


def database_of(owner: str) -> str:
    """Return the name of the database that holds the runs of ``owner``, given as team/environment."""
    return f"{PAGES}_{re.sub('[^a-z0-9]', '_', owner)}"


def database_variables(uri: str, files: str) -> dict[str, str]:
    """Return the variables of a process that keeps runs in the database ``uri``, and passes on files from ``files``."""
    return {
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": files,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_FILE_STORE": uri,
        "_MLFLOW_SERVER_REGISTRY_STORE": uri,
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_SGI_NAME": "uvicorn",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }


def upgrade_database(variables: Mapping[str, str]) -> None:
    """Make or upgrade the tables of the database that :func:`database_variables` name."""
    # By name, as these come without types.
    tables: Any = import_module("mlflow.store.db.utils")
    stores: Any = import_module("mlflow.store.tracking.sqlalchemy_store")

    uri = variables["_MLFLOW_SERVER_FILE_STORE"]
    stores.SqlAlchemyStore(uri, variables["_MLFLOW_SERVER_ARTIFACT_ROOT"])  # makes what an empty database lacks
    tables._upgrade_db(tables.create_sqlalchemy_engine_with_retry(uri))


@cache
def _rules() -> Mapping[re.Pattern[str], Mapping[str, str]]:
    listed = yaml.safe_load(Path(__file__).with_name("mlflow_routes.yaml").read_text(encoding="utf-8"))
    return {re.compile(path): methods for path, methods in listed.items()}


def rule(method: str, path: str) -> tuple[str | None, str]:
    """Return what a request takes, see :data:`governance.access.gateway.Rule`. What is not listed is nobody's."""
    if method in ("GET", "HEAD") and _PAGE.match(path):
        return OPEN, "page"
    if path == "/" and method in ("GET", "HEAD"):
        return "view models", "page"
    if path in ("/graphql", "/ajax-api/2.0/graphql"):  # its mutations search
        return "view models", "graphql"
    if path in ("/get-artifact", "/model-versions/get-artifact") and method == "GET":
        return "view models", "get-artifact"
    below, found = _API.subn("", path)
    for pattern, methods in _rules().items() if found else ():
        if pattern.fullmatch(below) and (asked := methods.get("GET" if method == "HEAD" else method)):
            return asked, re.sub(r"[^a-z/-]", "", pattern.pattern)[:100].strip("/")
    return None, "unlisted"
