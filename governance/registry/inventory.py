"""Which versions of which models there are, and where they are in use."""

from __future__ import annotations

from datetime import datetime

from zenml.client import Client

from environments import Platform
from environments.strict import StrictModel
from governance.registry.model_files import ReleaseError
from governance.registry.releases import digest_of


class VersionRow(StrictModel):
    """One model version."""

    team: str
    model: str
    version: str
    stage: str
    trained: datetime
    digest: str


def list_versions(platform: Platform, model: str | None = None) -> list[VersionRow]:
    """List every version of every team's models, or of one, newest first within a model."""
    rows = []
    for team in platform.teams.values():
        project = platform.project_of(team.team)
        for name in team.models:
            if model not in (None, name):
                continue
            try:
                Client().get_model(name, project=project)
            except KeyError:
                continue  # not trained yet
            for version in (
                Client()
                .list_model_versions(model=name, sort_by="desc:number", size=100, hydrate=True, project=project)
                .items
            ):
                try:
                    digest = digest_of(version)
                except ReleaseError:
                    digest = ""  # its training did not finish
                rows.append(
                    VersionRow(
                        team=team.team,
                        model=name,
                        version=str(version.number),
                        stage=version.stage or "none",
                        trained=version.created,
                        digest=digest,
                    )
                )
    return rows
