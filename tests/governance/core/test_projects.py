"""With a project for each team: registration makes them, and what a team makes lies in its own."""

from __future__ import annotations

import pytest

from governance.core.stacks import ProjectMissingError, require_project
from governance.registry.inventory import list_versions
from governance.registry.releases import ensure_release
from governance.registry.versions import staged_version
from stack_bootstrap.registration import SHARED, make_projects, missing_projects
from tests.conftest import edit_yaml
from tests.governance.conftest import CANCER, DIABETES, Ground

pytestmark = pytest.mark.slow


@pytest.fixture
def per_team(fresh_ground: Ground) -> Ground:
    edit_yaml(fresh_ground.settings / "platform.yaml", lambda raw: raw.update(projects="per-team"))
    return fresh_ground


def test_what_a_team_trains_lies_in_its_own_project(per_team: Ground) -> None:
    from zenml.client import Client

    from governance.runs import jobs

    platform = per_team.platform
    with pytest.raises(ProjectMissingError, match="make register"):
        require_project("oncology")
    missing = missing_projects(platform)
    assert missing == (SHARED, *platform.teams)
    make_projects(missing)
    assert missing_projects(platform) == ()

    target = per_team.target("dev")
    jobs.train(target)
    version = staged_version(target)
    assert version is not None
    assert version.project.name == "oncology"
    assert ensure_release(version, target).version == "1"
    assert [(row.team, row.model) for row in list_versions(platform)] == [("oncology", CANCER)]
    assert staged_version(per_team.target("dev", DIABETES)) is None
    for project, total in (("oncology", 1), ("default", 0), ("diabetes-care", 0)):
        assert Client().list_models(project=project).total == total
        assert Client().list_pipeline_runs(project=project).total == total
