"""What is wrong with settings, credentials or a plan is said clearly, before anything is changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from environments import SettingsError, load_platform
from stack_bootstrap import infrastructure
from stack_bootstrap.clouds.adapter import FullStoreError
from stack_bootstrap.clouds.aws.full_stores import refuse_full_stores
from stack_bootstrap.infrastructure import ProtectedEnvironmentError
from stack_bootstrap.terraform import GuardRefusedError, TerraformError
from tests.conftest import edit_yaml
from tests.infra.aws.cloud import Cloud
from tests.infra.aws.conftest import Applied

pytestmark = pytest.mark.xdist_group("aws")


def refuse(settings: Path, change: Any, environment: str = "production") -> str:
    edit_yaml(settings / f"{environment}.yaml", change)
    with pytest.raises(SettingsError) as refused:
        load_platform(settings)
    return str(refused.value)


def test_a_missing_region_is_named(settings_directory: Path) -> None:
    said = refuse(settings_directory, lambda raw: raw["aws"].pop("region"))
    assert "production.yaml" in said
    assert "aws.region: is required" in said


def test_an_unknown_orchestrator_is_refused_with_those_there_are(settings_directory: Path) -> None:
    said = refuse(settings_directory, lambda raw: raw["aws"].update(orchestrator="batch"))
    assert "aws.orchestrator" in said
    assert "'sagemaker', 'kubernetes', 'airflow' or 'local'" in said


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"allowed_regions": ["eu-west-1"]}, "region 'eu-central-1' is not one of allowed_regions: eu-west-1"),
        ({"orchestrator": "kubernetes"}, "no cluster is named"),
        ({"network": {"existing": "vpc-1"}}, "existing and existing_subnets go together"),
        ({"network": {"existing": "vpc-1", "existing_subnets": ["subnet-1"]}}, "at least two subnets"),
        ({"github": {"owner": "acme", "name": "x", "owner_id": 1}}, "owner_id and repository_id go together"),
        ({"github": {"owner": "acme", "name": "*"}}, "github.name"),
        ({"client_principals": ["arn:aws:iam::333333333333:user/eve"]}, "client_principals"),
        ({"account_id": "33333"}, "aws.account_id"),
        ({"secrets": {"Token": 1}}, "aws.secrets"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings_directory: Path, change: dict[str, Any], complaint: str) -> None:
    assert complaint in refuse(settings_directory, lambda raw: raw["aws"].update(change))


def test_two_files_cannot_be_one_team(settings_directory: Path) -> None:
    file = settings_directory / "teams" / "oncology-2.yaml"
    file.write_text((settings_directory / "teams" / "oncology.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(SettingsError, match=r"oncology-2\.yaml: names itself 'oncology'"):
        load_platform(settings_directory)


def test_terraform_itself_refuses_two_files_of_one_team(applied: dict[str, Applied]) -> None:
    ground = applied["dev"].ground
    file = ground.settings / "teams" / "oncology-2.yaml"
    file.write_text((ground.settings / "teams" / "oncology.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    try:
        with pytest.raises(TerraformError, match="Duplicate object key"):
            infrastructure.plan(ground.where)
    finally:
        file.unlink()


def test_another_accounts_credentials_are_refused(applied: dict[str, Applied]) -> None:
    ground = applied["dev"].ground
    override = ground.where.root / "server_override.tf"
    before = override.read_text(encoding="utf-8")
    override.write_text(ground.cloud.override("333333333333"), encoding="utf-8")
    try:
        with pytest.raises(TerraformError, match="333333333333"):
            infrastructure.plan(ground.where)
    finally:
        override.write_text(before, encoding="utf-8")


def test_another_environments_settings_are_refused_by_the_state(applied: dict[str, Applied]) -> None:
    from dataclasses import replace

    ground = applied["dev"].ground
    variables = {**ground.where.variables, "environment": "staging"}
    edit_yaml(ground.settings / "staging.yaml", lambda raw: raw["aws"].update(account_id=ground.account))
    with pytest.raises(GuardRefusedError, match="This state belongs to 'dev'"):
        infrastructure.plan(replace(ground.where, variables=variables))


def test_removing_a_team_in_production_is_refused(applied: dict[str, Applied], monkeypatch: pytest.MonkeyPatch) -> None:
    ground = applied["production"].ground
    for name, value in ground.cloud.variables(ground.account).items():
        monkeypatch.setenv(name, value)
    s3 = ground.cloud.session(ground.account).client("s3")
    bucket = "acme-ml-oncology-production-artifacts"
    s3.put_object(Bucket=bucket, Key="model", Body=b"weights")
    file = ground.settings / "teams" / "oncology.yaml"
    before = file.read_text(encoding="utf-8")
    file.unlink()
    # The thresholds name a model of the team; they go with it.
    environments = {it: it.read_text(encoding="utf-8") for it in ground.settings.glob("*.yaml")}
    for it in environments:
        if it.name != "names.yaml":
            edit_yaml(it, lambda raw: raw.get("model_thresholds", {}).pop("breast_cancer_classifier", None))
    planned = infrastructure.plan(ground.where)
    try:
        with pytest.raises(ProtectedEnvironmentError, match="production is protected"):
            infrastructure.apply(ground.where, plan_file=planned.plan_file)
        with pytest.raises(FullStoreError, match=f"the bucket {bucket} holds objects"):
            infrastructure.apply(ground.where, plan_file=planned.plan_file, allow_delete=True)
    finally:
        file.write_text(before, encoding="utf-8")
        for it, text in environments.items():
            it.write_text(text, encoding="utf-8")
    assert s3.get_object(Bucket=bucket, Key="model")["Body"].read() == b"weights"
    roles = ground.cloud.session(ground.account).client("iam").list_roles()["Roles"]
    assert "oncology-production-wl" in {role["RoleName"] for role in roles}
    s3.delete_object(Bucket=bucket, Key="model")


def plan_to_delete(**before: Any) -> dict[str, Any]:
    change = {"actions": ["delete"], "before": before, "after": None}
    kind = "aws_s3_bucket" if "bucket" in before else "aws_ecr_repository"
    return {"resource_changes": [{"address": f"{kind}.it", "type": kind, "change": change}]}


def test_a_store_that_may_be_emptied_or_is_empty_is_let_through(cloud: Cloud) -> None:
    session = cloud.session("555555555555")
    s3 = session.client("s3")
    s3.create_bucket(Bucket="doomed", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    refuse_full_stores(plan_to_delete(bucket="doomed", force_destroy=False), "eu-central-1", session=session)
    s3.put_object(Bucket="doomed", Key="a", Body=b"a")
    refuse_full_stores(plan_to_delete(bucket="doomed", force_destroy=True), "eu-central-1", session=session)
    with pytest.raises(FullStoreError, match="the bucket doomed holds objects"):
        refuse_full_stores(plan_to_delete(bucket="doomed", force_destroy=False), "eu-central-1", session=session)


def test_a_registry_that_holds_images_is_kept(cloud: Cloud) -> None:
    session = cloud.session("555555555555")
    ecr = session.client("ecr")
    ecr.create_repository(repositoryName="doomed")
    plan = plan_to_delete(name="doomed", force_delete=False)
    refuse_full_stores(plan, "eu-central-1", session=session)
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"digest": "sha256:" + "0" * 64},
        "layers": [],
    }
    ecr.put_image(repositoryName="doomed", imageTag="1", imageManifest=json.dumps(manifest))
    with pytest.raises(FullStoreError, match="the registry doomed holds images"):
        refuse_full_stores(plan, "eu-central-1", session=session)


def test_a_store_that_cannot_be_seen_is_kept(cloud: Cloud) -> None:
    plan = plan_to_delete(bucket="nowhere-to-be-found", force_destroy=False)
    with pytest.raises(FullStoreError, match="cannot be seen"):
        refuse_full_stores(plan, "eu-central-1", session=cloud.session("555555555555"))
