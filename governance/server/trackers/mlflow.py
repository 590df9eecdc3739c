"""The pages on which a tracker shows its runs, where runs on this machine have left some."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

from environments import Platform

PAGES = "mlflow"
"""What a page is called, beside the team and environment whose runs it shows."""


def tracking_stores(platform: Platform) -> dict[str, str]:
    """Return the tracking stores that runs on this machine have made, by team and environment."""
    return {
        f"{team}-{environment}": f"sqlite:///{file}"
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


def page_command(store: str, host: str, port: int) -> list[str]:
    """Return the command that serves the page of a tracking store at ``host`` and ``port``."""
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store]
    return [*command, "--host", host, "--port", str(port), "--workers", "1"]
