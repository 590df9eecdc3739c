"""The demo's story in pods of a real cluster, as `make demo KUBERNETES=1` tells it."""

from __future__ import annotations

import re

import pytest

from tests.kubernetes.runs.world import CANCER, ENVIRONMENTS, World, all_runs

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster"), all_runs]


def test_the_demo_takes_a_model_of_each_team_to_production_and_proves_it(world: World) -> None:
    asked = ("demo", "--kubernetes", "--keys", str(world.folder / "people"))
    everything = {**world.variables, "KUBECONFIG": str(world.installation.api.kubeconfig)}
    intended = world.python("governance", *asked, "--dry-run", variables=everything).ended_well()
    assert "diabetes-care: train diabetes_progression_classifier and take it to production, approved by" in intended.out
    assert world.events("production")[-1]["kind"] != "run_started", "a dry run does nothing"
    told = world.python("governance", *asked, "--yes", variables=everything).ended_well()
    for environment in ENVIRONMENTS:
        assert f"bucket of the state of {environment}: is there" in told.out
        assert re.search(rf"verify the audit log of {environment}: intact, \d+ entries", told.out)
    assert "train a model that learns next to nothing: stopped: recall" in told.out
    assert "roll production back: from version" in told.out
    assert f"evidence pack of {CANCER} version" in told.out
    assert told.out.count("promote to production: version") >= 3, "one of each team, and another to go back from"
    assert told.out.count("approval by ") == told.out.count("promote to production: version")
    assert re.search(r"Open the report: \S+/index\.html", told.out)
    assert world.leftovers("production") == []
