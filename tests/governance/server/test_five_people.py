"""A model's way into production on the shared server, by five people of four roles, and what each is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from zenml.constants import ENV_ZENML_ACTIVE_PROJECT_ID

from governance.approvals.approve import approve
from governance.approvals.errors import PromotionRefusedError
from governance.audit import current_identity, open_reader
from governance.audit.events import AccessDecision, Promotion
from governance.core.stacks import ProjectMissingError, use_some_project
from governance.core.target import Target, target_for
from governance.promotion.promote import promote
from governance.promotion.reconcile import reconcile
from governance.registry.inventory import list_versions
from governance.registry.versions import staged_version
from governance.runs import jobs
from governance.runs.evidence import predictions_of
from governance.signing.people import principal_of
from governance.signing.signatories import demo_key
from tests.conftest import forget_zenml, use_zenml_home
from tests.governance.conftest import CANCER
from tests.governance.served import PASSWORD, Served, member

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("server")]

SCIENTIST, ENGINEER, ADMIN, AUDITOR = (
    member(role) for role in ("data-scientist", "ml-engineer", "platform-admin", "auditor")
)
STRANGER = member("ml-engineer", "diabetes-care")


@contextmanager
def working_as(name: str, world: Served, folder: Path) -> Iterator[None]:
    """Run the block's commands on the server as ``name``, with their own password, on one machine of everybody's."""
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in (("URL", world.api.removesuffix("/api/v1")), ("USERNAME", name), ("PASSWORD", PASSWORD)):
            patch.setenv(f"ZENML_STORE_{variable}", value)
        patch.delenv("ZENML_STORE_API_KEY", raising=False)
        use_zenml_home(patch, folder / name)
        patch.setenv("ZENML_LOCAL_STORES_PATH", str(folder / "stores"))
        patch.setenv(ENV_ZENML_ACTIVE_PROJECT_ID, "")  # what is chosen inside is forgotten afterwards
        use_some_project()
        yield
    forget_zenml()


@pytest.fixture
def targets(server: Served) -> Iterator[dict[str, Target]]:
    """The team's environments, while a project for each team is what counts; engineer and administrator can sign."""
    before = {file: file.read_text() for file in server.settings.rglob("*.yaml")}
    production = target_for(server.platform, CANCER, "production")
    demo_key(production, SCIENTIST, principal_of(current_identity()))  # in whose name this machine trains
    for person in (ENGINEER, ADMIN):
        demo_key(production, person)
    with server.per_team():
        yield {name: target_for(server.platform, CANCER, name) for name in server.platform.environments}
    assert before == {file: file.read_text() for file in server.settings.rglob("*.yaml")}


def test_five_people_bring_a_model_into_production_and_meet_their_refusals(
    server: Served, targets: dict[str, Target], tmp_path: Path
) -> None:
    from zenml.client import Client
    from zenml.exceptions import IllegalOperationError

    dev, staging, production = targets.values()
    engineer, administrator = (demo_key(production, person) for person in (ENGINEER, ADMIN))

    with working_as(SCIENTIST, server, tmp_path):
        assert Client().active_project.name == "default", "where there are several, ZenML itself chooses none"
        assert jobs.train(dev).status.is_successful
        trained = staged_version(dev)
        assert trained is not None
        assert (trained.number, trained.project.name) == (1, "oncology")
        with pytest.raises(IllegalOperationError, match="may not promote to production in production of oncology"):
            trained.set_stage("production", force=True)
        with pytest.raises(IllegalOperationError, match="may not delete resources"):
            Client().delete_model_version(trained.id)

    with working_as(STRANGER, server, tmp_path):
        with pytest.raises(ProjectMissingError, match="no ZenML project 'oncology' for this account"):
            jobs.train(dev)
        assert list_versions(server.platform) == []

    with working_as(ENGINEER, server, tmp_path):
        assert promote(staging, requested_by=engineer).version == "1"
        assert jobs.validate(staging).status.is_successful
        with pytest.raises(PromotionRefusedError, match="approv"):
            promote(production, requested_by=engineer)

    with working_as(ADMIN, server, tmp_path):
        approve(production, administrator)
        assert [user.name for user in Client().list_users(name=AUDITOR).items] == [AUDITOR]
        with pytest.raises(IllegalOperationError, match="administer the server"):
            Client().create_user("friend@example.com", password=PASSWORD)

    with working_as(ENGINEER, server, tmp_path):
        assert promote(production, requested_by=engineer).version == "1"
        predictions = predictions_of(jobs.infer(production))
        assert predictions is not None and predictions.rows > 0

    with working_as(AUDITOR, server, tmp_path):
        assert [(row.version, row.stage) for row in list_versions(server.platform)] == [("1", "production")]
        assert reconcile(production, dry_run=True).outcome == "agrees"
        with pytest.raises(IllegalOperationError, match=f"{AUDITOR} may not"):
            jobs.train(dev)

    log = open_reader(server.platform, "production")
    assert [entry.event.model_version for entry in log.entries() if isinstance(entry.event, Promotion)][-1] == "1"
    refused = {
        ("promote_to_production", "data-scientist"),
        ("administer", "platform-admin"),
        ("execute_pipelines", "auditor"),
    }
    deadline = time.monotonic() + 30
    while not refused <= _denied(server) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert refused <= _denied(server)


def _denied(server: Served) -> set[tuple[str, str]]:
    """Return what production's log says was denied to whom: the action, and one of their roles."""
    events = (entry.event for entry in open_reader(server.platform, "production").entries())
    denied = [event for event in events if isinstance(event, AccessDecision) and event.decision == "denied"]
    return {(event.action, role.rpartition("/")[2]) for event in denied for role in event.roles}
