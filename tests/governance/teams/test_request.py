"""What is wrong with a new team is said by variable, all of it at once, and nothing is written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from environments import load_platform
from governance.teams.create import create
from governance.teams.errors import TeamRefusedError
from governance.teams.request import check
from governance.teams.team_file import render
from tests.conftest import edit_yaml
from tests.governance.teams.conftest import FRAUD, Checkout


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"name": "oncology"}, "NAME: 'oncology' is taken"),
        ({"name": "platform"}, "NAME: 'platform' is reserved"),
        ({"name": "Fraud"}, "NAME: 'Fraud' is not a team's name"),
        ({"name": "fraud_detection"}, "NAME: 'fraud_detection' is not a team's name"),
        ({"name": "a--b"}, "NAME: 'a--b' is not a team's name"),
        ({"name": "x"}, "NAME: 'x' is not a team's name"),
        ({"name": "../oncology"}, "NAME: '../oncology' is not a team's name"),
        ({"name": "abcdefghijklmnopq"}, "NAME: 'abcdefghijklmnopq' has 17 characters; at most 16 fit into a Google"),
        ({"name": "google-fraud"}, "NAME: 'acme-ml-google-fraud-dev-artifacts' does not match"),
        ({"name": "class"}, "NAME: 'class' is a word of Python's own"),
        ({"owner": "nobody"}, "OWNER: 'nobody' is not an e-mail"),
        ({"approvers": ("nobody",)}, "APPROVER: 'nobody' is not an e-mail"),
        ({"approvers": (FRAUD.owner,)}, "APPROVER: lise@example.com is the owner already"),
        ({"cost_center": "cc-rsik"}, r"COST_CENTER: 'cc-rsik' is not in .*platform.yaml. Did you mean 'cc-risk'"),
        ({"models": ("Transactions",)}, "MODEL: 'Transactions' is not a model's name"),
        ({"models": ("transactions",)}, "MODEL: 'transactions' is not a model's name"),
        ({"models": ("a_b", "a_b")}, "MODEL: 'a_b' is named twice"),
        ({"models": ("breast_cancer_classifier",)}, "MODEL: 'breast_cancer_classifier' belongs to team 'oncology'"),
        ({"budget": 0.0}, "BUDGET: 0 is not positive"),
        ({"budget": -5.0}, "BUDGET: -5 is not positive"),
        ({"budget": float("nan")}, "BUDGET: nan is not positive"),
        ({"budget": 2001.0}, "BUDGET: 2001 is over production's own budget of 2000 USD"),
        ({"budget": 0.001}, "BUDGET: 0.001 leaves nothing for an environment"),
        ({"data_format": "xlsx"}, "DATA: 'xlsx' is not a format"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(checkout: Checkout, asked: dict[str, Any], words: str) -> None:
    before = checkout.files()
    with pytest.raises(TeamRefusedError, match=words):
        create(replace(FRAUD, **asked), checkout.platform, checkout=checkout.folder)
    assert checkout.files() == before


def test_a_config_that_no_team_owns_is_not_overwritten(checkout: Checkout) -> None:
    config = checkout.folder / "pipelines" / "configs" / "transaction_classifier.yaml"
    config.parent.mkdir(parents=True)
    config.write_text("mine", encoding="utf-8")
    with pytest.raises(TeamRefusedError, match=r"MODEL: .* exists already"):
        create(FRAUD, checkout.platform, checkout=checkout.folder)
    assert config.read_text(encoding="utf-8") == "mine"


def test_everything_that_is_wrong_is_said_at_once(checkout: Checkout) -> None:
    with pytest.raises(TeamRefusedError) as refused:
        check(replace(FRAUD, name="X", owner="x", cost_center="x", budget=-1.0), checkout.platform, checkout.folder)
    for variable in ("NAME", "OWNER", "COST_CENTER", "BUDGET"):
        assert f"\n  {variable}: " in str(refused.value)


def test_any_cost_center_goes_where_no_list_is_kept(checkout: Checkout) -> None:
    edit_yaml(checkout.folder / "environments" / "platform.yaml", lambda raw: raw.pop("cost_centers"))
    check(replace(FRAUD, cost_center="cc-new"), checkout.platform, checkout.folder)


@pytest.mark.parametrize("name", ["no", "on", "fraud-detection", "abcdefghijklmnop"])
def test_the_file_of_a_legal_team_is_read_as_it_was_meant(checkout: Checkout, name: str) -> None:
    """`no` and `on` are names of teams, and to YAML 1.1 they are truth values."""
    request = replace(FRAUD, name=name, budget=500.0)
    check(request, checkout.platform, checkout.folder)
    (checkout.folder / "environments" / "teams" / f"{name}.yaml").write_text(
        render(request, checkout.platform), encoding="utf-8"
    )
    team = load_platform(checkout.folder / "environments").teams[name]
    assert team.models == FRAUD.models
    assert {it: section.budget for it, section in team.environments.items()} == {
        "dev": 50,
        "staging": 125,
        "production": 500,
    }
    assert set(team.environments["production"].members) == {FRAUD.owner, *FRAUD.approvers}
    assert set(team.environments["dev"].members) == {FRAUD.owner}


def test_the_file_says_when_nobody_could_approve_what_the_owner_trains(checkout: Checkout) -> None:
    assert "add a second ml-engineer" in render(replace(FRAUD, approvers=()), checkout.platform)
    assert "add a second ml-engineer" not in render(FRAUD, checkout.platform)
    environments = {name: it.model_copy(update={"approvals": 0}) for name, it in checkout.platform.environments.items()}
    assert "approval" not in render(FRAUD, replace(checkout.platform, environments=environments))
