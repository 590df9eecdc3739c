"""Destroying an environment. Last in the order of files, because nothing is left of it afterwards."""

from __future__ import annotations

import pytest

from stack_bootstrap import infrastructure
from stack_bootstrap.infrastructure import ProtectedEnvironmentError
from tests.infra.aws.conftest import Applied

pytestmark = pytest.mark.xdist_group("aws")


def test_production_is_not_destroyed_by_accident(applied: dict[str, Applied]) -> None:
    with pytest.raises(ProtectedEnvironmentError, match="--confirm production"):
        infrastructure.destroy(applied["production"].ground.where)
    with pytest.raises(ProtectedEnvironmentError, match=r"Set protected: false in production\.yaml, apply that"):
        infrastructure.destroy(applied["production"].ground.where, confirm="production")


def test_dev_is_destroyed_with_what_it_holds_and_production_stays(
    applied: dict[str, Applied], monkeypatch: pytest.MonkeyPatch
) -> None:
    ground = applied["dev"].ground
    for name, value in ground.cloud.variables(ground.account).items():
        monkeypatch.setenv(name, value)
    session = ground.cloud.session(ground.account)
    session.client("s3").put_object(Bucket="acme-ml-oncology-dev-artifacts", Key="model", Body=b"weights")
    infrastructure.destroy(ground.where)
    assert ground.state()["resources"] == []
    left = {bucket["Name"] for bucket in session.client("s3").list_buckets()["Buckets"]}
    assert {name for name in left if name.startswith("acme-ml-")} == {"acme-ml-dev-tfstate"}
    assert session.client("iam").list_roles()["Roles"] == []
    assert session.client("ec2").describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["dev"]}])["Vpcs"] == []
    production = applied["production"].ground
    others = production.cloud.session(production.account).client("s3").list_buckets()["Buckets"]
    assert "acme-ml-oncology-production-artifacts" in {bucket["Name"] for bucket in others}
