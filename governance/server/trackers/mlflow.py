"""The pages on which a tracker shows its runs, where runs on this machine have left some."""

from __future__ import annotations

import sys

from environments import Platform

PAGES = "mlflow"
"""What a page is called, beside the team and environment whose runs it shows."""


def tracking_stores(platform: Platform) -> dict[str, str]:
    """Return the tracking stores that runs on this machine have made, by team and environment."""
    from governance.core.target import target_for

    found = {}
    for team in platform.teams.values():
        for environment in team.environments:
            if "local" in platform.environment(environment).model_dump(exclude_none=True):
                file = target_for(platform, team.models[0], environment, "local").folder / "mlflow" / "mlflow.db"
                if file.is_file():
                    found[f"{team.team}-{environment}"] = f"sqlite:///{file}"
    return found


def page_command(store: str, host: str, port: int) -> list[str]:
    """Return the command that serves the page of a tracking store at ``host`` and ``port``."""
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store]
    return [*command, "--host", host, "--port", str(port), "--workers", "1"]
