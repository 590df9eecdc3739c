"""With a project for each team: registration makes them, and what a team makes lies in its own."""

from __future__ import annotations

import pytest

from environments import SHARED_PROJECT
from governance.core.provenance import Provenance
from governance.core.stacks import ProjectMissingError, require_project
from governance.core.target import Target
from governance.promotion.promote import promote
from governance.promotion.reconcile import reconcile
from governance.records import journal
from governance.registry.inventory import list_versions
from governance.registry.releases import ensure_release
from governance.registry.versions import staged_version
from governance.runs.collector import collect
from governance.snapshots.errors import SnapshotError
from governance.snapshots.freeze import freeze
from governance.snapshots.start import infer, train
from stack_bootstrap.registration import make_projects, missing_projects
from tests.conftest import edit_yaml
from tests.governance.conftest import CANCER, DIABETES, Ground

pytestmark = pytest.mark.slow

COMMITTED = Provenance(git_commit="c" * 40, git_dirty=False, lock_digest="d" * 64, started_by="ada")
"""What runs and snapshots say that they are made from."""


@pytest.fixture
def per_team(fresh_ground: Ground) -> Ground:
    edit_yaml(fresh_ground.settings / "platform.yaml", lambda raw: raw.update(projects="per-team"))
    fresh_ground.apply_settings()
    return fresh_ground


def test_what_a_team_trains_freezes_and_scores_lies_in_its_own_project(
    per_team: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zenml.client import Client

    from governance.runs import jobs

    platform = per_team.platform
    with pytest.raises(ProjectMissingError, match="make register"):
        require_project("oncology")
    missing = missing_projects(platform)
    assert missing == (SHARED_PROJECT, *platform.teams)
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

    monkeypatch.setattr(journal, "collect", lambda _: COMMITTED)
    staging = per_team.target("staging")
    promote(staging)
    training, scoring = freeze(staging)
    assert infer(staging, scoring.name).project_id == version.project_id
    assert [row.changed for row in freeze(staging)] == [False, False], "what is frozen there is found there"
    assert not collect(staging).collected
    compared = reconcile(staging)
    assert (compared.outcome, compared.versions, compared.releases) == ("agrees", 1, 1)
    assert Client().list_snapshots(project="default", named_only=True).total == 0
    with monkeypatch.context() as patch:  # as if it had been frozen before the team moved
        patch.setattr(Target, "project", SHARED_PROJECT)
        with pytest.raises(SnapshotError, match=r"lies in the ZenML project 'oncology', and .* 'platform-shared'"):
            train(staging, training.digest)
        assert [row.changed for row in freeze(staging, dry_run=True)] == [True], "nothing of it is there"
    Client().delete_project("diabetes-care")  # as on a server restored from before it was made
    assert reconcile(per_team.target("staging", DIABETES)).outcome is None
    with pytest.raises(ProjectMissingError, match="diabetes-care"):
        jobs.preview_training(per_team.target("dev", DIABETES))
