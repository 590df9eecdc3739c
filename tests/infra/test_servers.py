"""The shared server's roots: one state and one log beside those of where it stands, from settings that are checked."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from environments import SERVER, SettingsError, load_platform
from governance.audit import locate, open_reader
from governance.audit.events import InfrastructureChange, ServerChange
from governance.infrastructure import AuditRecorder
from governance.records.settings import last_applied
from stack_bootstrap import infrastructure
from stack_bootstrap.clouds.adapter import FullStoreError
from stack_bootstrap.clouds.gcp.full_stores import refuse_full_stores
from stack_bootstrap.infrastructure import ProtectedEnvironmentError
from stack_bootstrap.options import expand_environments, expand_workspaces
from stack_bootstrap.plans import Changes, PlanFileError, check_review, write_review
from stack_bootstrap.recorders import InfrastructureAct
from stack_bootstrap.terraform import Terraform, TerraformError
from stack_bootstrap.workspace import Workspace, WorkspaceError, workspace
from tests.conftest import REPOSITORY, edit_yaml
from tests.infra.offline.simulated import apply_root, plan_root, resources, simulated_workspace

ROOTS = sorted(file.parent for file in REPOSITORY.glob("infra/servers/*/main.tf"))
EXAMPLE = REPOSITORY / "infra" / "servers" / "server.example.yaml"

SECRETS = {
    "administrator_password": "first-administrator-of-all",
    "database_password": "correct-horse-battery",
    "encryption_key": "what-encrypts-the-values-of-secrets",
    "token_key": "what-signs-every-login",
}

of_each = pytest.mark.parametrize("root", ROOTS, ids=lambda root: root.name)


@pytest.fixture
def settings(settings_directory: Path) -> Path:
    """The committed settings with the example of a server."""
    shutil.copy(EXAMPLE, settings_directory / "server.yaml")
    return settings_directory


def edited(settings: Path, **values: Any) -> Path:
    edit_yaml(settings / "server.yaml", lambda raw: raw.update(values))
    return settings


@of_each
def test_the_readme_plans_what_it_says(root: Path, settings: Path) -> None:
    readme = (root / "README.md").read_text(encoding="utf-8")
    wanted = re.search(rf"^make plan ENV=server CLOUD={root.name} OFFLINE=1\n# plans (\d+) resources$", readme, re.M)
    assert wanted, "a root's example is a command and what it says"
    planned = resources(plan_root(settings, SERVER, root.name))
    assert len(planned) == int(wanted[1])
    assert sum(address.startswith("module.environment_guard.") for address in planned) == 1


@of_each
def test_the_readme_lists_every_variable_and_output(root: Path) -> None:
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert readme.startswith(f"# {root.name}\n")
    for kind in ("variable", "output"):
        text = (root / f"{kind}s.tf").read_text(encoding="utf-8")
        described = re.findall(rf'^{kind} "(\w+)" \{{\n  description = "((?:[^"\\]|\\.)*)"\n', text, re.MULTILINE)
        assert len(described) == len(re.findall(rf'^{kind} "', text, re.MULTILINE))
        rows = "".join(f"| `{name}` | {what} |\n" for name, what in described)
        assert f"| {kind} | what |\n| --- | --- |\n{rows}" in readme


def test_the_server_has_a_state_of_its_own_in_the_bucket_of_where_it_stands(settings: Path) -> None:
    platform = load_platform(settings)
    served, host = workspace(platform, SERVER, "aws"), workspace(platform, "production", "aws")
    assert served.backend["bucket"] == host.backend["bucket"]
    assert (served.backend["key"], host.backend["key"]) == (
        "aws/server/terraform.tfstate",
        "aws/production/terraform.tfstate",
    )
    assert (served.place, served.protected, served.home != host.home) == ("production", True, True)


def test_all_environments_do_not_mean_the_server_and_nothing_else_takes_it_for_one(settings: Path) -> None:
    platform = load_platform(settings)
    assert SERVER not in expand_workspaces(["all"], platform)
    assert expand_workspaces([SERVER, "dev"], platform) == ["dev", SERVER]
    with pytest.raises(SettingsError, match="is the shared server and no environment"):
        expand_environments([SERVER], platform)
    with pytest.raises(SettingsError, match="is the shared server and no environment"):
        infrastructure.read_stacks(platform, SERVER, "aws")


def test_a_server_that_nothing_describes_is_refused_with_what_to_do(settings_directory: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"server\.example\.yaml"):
        workspace(load_platform(settings_directory), SERVER, "aws")


def test_a_cloud_that_has_no_root_or_no_section_is_refused(settings: Path) -> None:
    with pytest.raises(WorkspaceError, match="CLOUD=local has no root for the shared server"):
        workspace(load_platform(settings), SERVER, "local")
    edit_yaml(settings / "server.yaml", lambda raw: raw.pop("aws"))
    with pytest.raises(WorkspaceError, match=r"server\.yaml has no 'aws' section"):
        workspace(load_platform(settings), SERVER, "aws")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"image": "registry.example/server:latest"}, "image: must be given by digest"),
        ({"replicas": {"least": 1}}, "replicas.least"),
        ({"replicas": {"least": 4, "most": 3}}, "most is 3, less than least"),
        ({"stands_in": "nowhere"}, "stands_in: 'nowhere' is no environment"),
        ({"trackers": ["nobody/production"]}, "there is no team 'nobody'"),
        ({"trackers": ["oncology/dev", "oncology/dev"]}, "the same tracker is listed twice"),
        ({"database": {"backup_days": 1}}, "database.backup_days"),
        ({"domian": "x"}, "did you mean 'domain'"),
    ],
)
def test_wrong_settings_are_refused_by_key(settings: Path, values: Mapping[str, Any], said: str) -> None:
    edited(settings, **values)
    with pytest.raises(SettingsError, match=re.escape(said)) as refused:
        load_platform(settings)
    assert "server.yaml" in str(refused.value)


def test_the_whole_internet_is_no_client(settings: Path) -> None:
    edit_yaml(settings / "server.yaml", lambda raw: raw["aws"].update(clients=["0.0.0.0/0"]))
    with pytest.raises(SettingsError, match="the whole internet may not use the server"):
        load_platform(settings)


def test_no_environment_may_be_called_so(settings: Path) -> None:
    edit_yaml(settings / "dev.yaml", lambda raw: raw.update(environment=SERVER))
    with pytest.raises(SettingsError, match="'server' is the shared server"):
        load_platform(settings)


def test_secrets_are_references_in_what_is_planned_kept_and_run(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_VAR_server_secret_values", json.dumps(SECRETS))
    state = apply_root(settings, SERVER, "aws")
    where = simulated_workspace(settings, SERVER, "aws")
    everywhere = json.dumps([state, Terraform(where).show(where.plan_file), Terraform(where).pull_state()])
    assert [key for key, value in SECRETS.items() if value in everywhere] == []
    found = resources(state)['module.server.aws_ecs_task_definition.this["zenml"]']["values"]["container_definitions"]
    (container,) = json.loads(found)
    assert {it["name"] for it in container["secrets"]} == {
        "GROUNDWORK_DATABASE_PASSWORD",
        "ZENML_DEFAULT_USER_PASSWORD",
        "ZENML_SECRETS_STORE_ENCRYPTION_KEY",
        "ZENML_SERVER_JWT_SECRET_KEY",
    }
    assert all(it["valueFrom"].startswith("arn:aws:secretsmanager:") for it in container["secrets"])
    assert (container["readonlyRootFilesystem"], container["privileged"]) == (True, False)
    database = resources(state)["module.server.aws_db_instance.this"]["values"]
    assert (database["password_wo"], database["password_wo_version"]) == (None, 1)


def test_the_server_reads_the_log_of_an_environment_that_names_where_it_stands(settings: Path) -> None:
    role = "role/server-production-task"
    edit_yaml(settings / "staging.yaml", lambda raw: raw.update(audit={"readers": ["production"]}))
    bucket = "module.audit_store.module.bucket.aws_s3_bucket_policy.this"
    policy = resources(apply_root(settings, "staging", "aws"))[bucket]["values"]["policy"]
    assert role in policy
    (settings / "server.yaml").unlink()
    assert role not in resources(apply_root(settings, "staging", "aws"))[bucket]["values"]["policy"]


def member(environment: str) -> str:
    return f"serviceAccount:server-{environment}-task@acme-ml-{environment}.iam.gserviceaccount.com"


def test_on_google_an_account_that_exists_before_the_server_reads_the_logs_and_appends_to_its_own(
    settings: Path,
) -> None:
    def granted(environment: str) -> set[str]:
        found = resources(plan_root(settings, environment, "gcp"))
        return {
            f"{it['type'].removeprefix('google_')} {it['values']['role']}"
            for it in found.values()
            if it["values"].get("member") == member("production") and "role" in it["values"]
        }

    edit_yaml(settings / "staging.yaml", lambda raw: raw.update(audit={"readers": ["production"]}))
    read = {"storage_bucket_iam_member roles/storage.objectViewer"}
    verify = {"kms_crypto_key_iam_member roles/cloudkms.publicKeyViewer"}
    sign = {"kms_crypto_key_iam_member roles/cloudkms.signerVerifier"}
    append = {"storage_bucket_iam_member roles/storage.objectCreator"}
    assert granted("staging") == read | verify
    assert granted("production") == read | append | sign
    assert 'google_service_account.server["server"]' in resources(plan_root(settings, "production", "gcp"))
    edit_yaml(settings / "server.yaml", lambda raw: raw.pop("gcp"))
    assert granted("staging") == set(), "a server on another cloud has no account here"


def test_on_google_secrets_are_versions_of_references_and_a_destroy_is_refused(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_VAR_server_secret_values", json.dumps(SECRETS))
    state = apply_root(settings, SERVER, "gcp")
    where = simulated_workspace(settings, SERVER, "gcp")
    terraform = Terraform(where)
    everywhere = json.dumps([state, terraform.show(where.plan_file), terraform.pull_state()])
    assert [key for key, value in SECRETS.items() if value in everywhere] == []
    found = resources(state)
    (container,) = found['module.server.google_cloud_run_v2_service.this["zenml"]']["values"]["template"][0][
        "containers"
    ]
    references = {
        it["name"]: it["value_source"][0]["secret_key_ref"][0] for it in container["env"] if it["value_source"]
    }
    assert set(references) == {
        "GROUNDWORK_DATABASE_PASSWORD",
        "ZENML_DEFAULT_USER_PASSWORD",
        "ZENML_SECRETS_STORE_ENCRYPTION_KEY",
        "ZENML_SERVER_JWT_SECRET_KEY",
    }
    assert all("/secrets/server-production-" in it["secret"] and it["version"] for it in references.values())
    database = found["module.server.google_sql_user.this"]["values"]
    assert (database["password_wo"], database["password_wo_version"]) == (None, 1)
    assert infrastructure.drift(where).changes == Changes()
    with pytest.raises(ProtectedEnvironmentError, match=r"protected: false in server\.yaml"):
        infrastructure.destroy(replace(where, simulated=False), confirm=SERVER)
    destroy = settings.parent / "destroy.tfplan"
    terraform.plan(destroy, destroy=True)
    with pytest.raises(FullStoreError) as refused:
        refuse_full_stores(terraform.show(destroy), client=EmptyStorage())
    named = str(refused.value)
    assert "module.server.google_sql_database_instance.this: it is protected" in named
    assert 'module.server.google_cloud_run_v2_service.this["zenml"]: it is protected' in named
    with pytest.raises(TerraformError, match="deletion_protection"):
        terraform.apply(destroy, destroys=SERVER)


class EmptyStorage:
    """A storage client of buckets that hold nothing."""

    def list_blobs(self, _bucket: str, **_given: Any) -> Iterator[str]:
        return iter(())


def test_on_google_a_database_without_a_password_is_refused(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_VAR_server_secret_values", json.dumps({**SECRETS, "database_password": ""}))
    with pytest.raises(TerraformError, match="password_wo"):
        apply_root(settings, SERVER, "gcp")


def local_server(settings: Path) -> Workspace:
    """A workspace like the server's whose log lies on this machine."""
    platform = load_platform(settings)
    host = workspace(platform, "production", "local")
    return Workspace(**{**vars(host), "environment": SERVER, "stands_in": "production"})


def test_what_is_done_to_it_is_in_the_log_of_where_it_stands_and_changes_no_settings_there(settings: Path) -> None:
    recorder, where = AuditRecorder(), local_server(settings)
    platform = load_platform(settings)
    host = workspace(platform, "production", "local")
    # The log's folder, where Terraform would make it.
    (locate(platform, "production").ground / "environments/production/platform/audit").mkdir(parents=True)
    with recorder.infrastructure(InfrastructureAct("apply", host, Changes(), "0" * 64)):
        pass
    edited(settings, domain="other.acme.example")
    edit_yaml(settings / "production.yaml", lambda raw: raw.update(approvals=0))  # edited, and not applied
    with recorder.infrastructure(InfrastructureAct("apply", where, Changes(add=("a", "b")), "1" * 64)):
        pass
    log = open_reader(load_platform(settings), "production", cloud="local")
    events = [entry.event for entry in log.entries()]
    (served,) = [event for event in events if isinstance(event, ServerChange)]
    assert (served.action, served.outcome, served.added, served.environment) == ("apply", "succeeded", 2, "production")
    applied = last_applied(log)
    assert isinstance(applied, InfrastructureChange)
    assert applied.settings_digest is not None
    assert served.settings_digest not in (None, applied.settings_digest)


def test_a_plan_that_was_reviewed_is_of_the_settings_as_they_were(settings: Path) -> None:
    where = local_server(settings)
    plan_file = settings / "plan.tfplan"
    plan_file.write_bytes(b"a plan")
    write_review(plan_file, where, Changes())
    assert check_review(plan_file, where).environment == SERVER
    edited(settings, domain="other.acme.example")
    with pytest.raises(PlanFileError, match=r"settings of server .* have changed"):
        check_review(plan_file, where)
