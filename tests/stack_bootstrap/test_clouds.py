"""Every cloud keeps the promises of the one interface, and nothing outside its folder names it."""

from __future__ import annotations

import re

import pytest

from environments import CLOUDS, Environment, SettingsError, load_platform
from stack_bootstrap.ci_identity import ci_identity
from stack_bootstrap.clouds import adapted_clouds, adapter_for
from stack_bootstrap.clouds.adapter import CloudAdapter, FullStoreError, keys_in_use
from stack_bootstrap.clouds.aws import full_stores as aws_stores
from stack_bootstrap.clouds.gcp import full_stores as gcp_stores
from stack_bootstrap.clouds.state_bucket import state_bucket_name
from stack_bootstrap.workspace import ROOTS, workspace
from tests.conftest import REPOSITORY

ENVIRONMENTS = load_platform().environments
DEV, PRODUCTION = ENVIRONMENTS["dev"], ENVIRONMENTS["production"]
every_cloud = pytest.mark.parametrize("cloud", adapted_clouds())


def test_clouds_with_an_adapter_are_those_with_a_root_and_a_section() -> None:
    assert list(adapted_clouds()) == sorted(root.name for root in ROOTS.iterdir() if root.is_dir())
    assert set(adapted_clouds()) <= set(CLOUDS)
    with pytest.raises(KeyError):
        adapter_for("state_bucket")


@every_cloud
def test_every_environment_has_a_state_of_its_own_in_the_form_that_terraform_takes(cloud: str) -> None:
    platform = load_platform()
    backends = [workspace(platform, name, cloud).backend for name in platform.environments]
    assert len({str(backend) for backend in backends}) == len(platform.environments)
    for backend in backends:
        assert backend
        assert all(isinstance(value, str) and value for value in backend.values())


@every_cloud
def test_a_state_bucket_is_the_one_that_the_backend_names_and_no_call_is_made_without_one(cloud: str) -> None:
    adapter = adapter_for(cloud)
    backend = workspace(load_platform(), "dev", cloud).backend
    assert adapter.has_state_bucket == ("bucket" in backend)
    if adapter.has_state_bucket:
        assert backend["bucket"] == state_bucket_name(DEV)
    else:
        with pytest.raises(NotImplementedError, match="keeps no state in a bucket"):
            adapter.make_state_bucket(DEV)


@every_cloud
def test_places_and_identities_of_two_environments_differ_where_there_are_accounts(cloud: str) -> None:
    def told(environment: Environment) -> tuple[object, object]:
        adapter = adapter_for(cloud)
        return adapter.place(environment), adapter.ci_login(environment, f"{environment.environment}-plan")

    (place, login), (other_place, other_login) = told(DEV), told(PRODUCTION)
    if cloud in {"local", "kubernetes"}:
        assert (place, login) == (other_place, other_login) == (((), None), {})
    else:
        assert place[1] != other_place[1]  # type: ignore[index]
        assert "dev-plan" in str(login)
        assert login != other_login
        with pytest.raises(SettingsError, match=f"dev.yaml: {cloud}.github is not set"):
            ci_identity(DEV, cloud, "plan")


@every_cloud
def test_a_plan_that_deletes_nothing_is_let_through_without_an_account(cloud: str) -> None:
    plan = {"resource_changes": [{"address": "a", "type": "t", "change": {"actions": ["update"], "before": {}}}]}
    adapter_for(cloud).refuse_full_stores(plan, workspace(load_platform(), "dev", cloud))


def test_an_interface_that_is_not_whole_cannot_be_used() -> None:
    class Half(CloudAdapter):
        pass

    with pytest.raises(TypeError, match="abstract"):
        Half()  # type: ignore[abstract]


def test_no_module_outside_a_clouds_folder_tells_clouds_apart() -> None:
    named = re.compile(f'"({"|".join(set(CLOUDS) - {"local", "kubernetes"})})"')  # the latter is a flavour, too
    packages = [REPOSITORY / "environments", REPOSITORY / "stack_bootstrap"]
    found = {
        file.relative_to(REPOSITORY).as_posix()
        for package in packages
        for file in package.rglob("*.py")
        if named.search(file.read_text(encoding="utf-8"))
    }
    adapters = {f"stack_bootstrap/clouds/{cloud}/adapter.py" for cloud in ("aws", "gcp")}
    assert found == {"environments/model.py", *adapters}


@pytest.mark.parametrize(
    ("kind", "attribute", "name"),
    [
        ("aws_kms_key", "arn", "arn:aws:kms:eu-central-1:1:key/k"),
        ("google_kms_crypto_key", "id", "projects/p/locations/l/keyRings/r/cryptoKeys/k"),
    ],
)
def test_the_key_of_what_stays_is_not_deleted(kind: str, attribute: str, name: str) -> None:
    def change(address: str, action: str, before: dict[str, object]) -> dict[str, object]:
        return {"address": address, "type": address.split(".")[0], "change": {"actions": [action], "before": before}}

    key, store = change(f"{kind}.k", "delete", {attribute: name}), {"rule": [{"key": name}], "policy": f"for {name}"}
    stays, goes = change("bucket.b", "no-op", store), change("bucket.b", "delete", store)
    assert keys_in_use({"resource_changes": [key, stays]}) == [f"{kind}.k: the key encrypts bucket.b, which stays"]
    assert keys_in_use({"resource_changes": [key, goes]}) == []
    assert keys_in_use({"resource_changes": [change(f"{kind}.k", "no-op", {attribute: name}), stays]}) == []
    assert keys_in_use({"resource_changes": [key, change("policy.p", "update", {"text": f"for {name}"})]}) == []
    if kind.startswith("aws"):
        with pytest.raises(FullStoreError, match=r"the key encrypts bucket\.b"):
            aws_stores.refuse_full_stores({"resource_changes": [key, stays]}, "eu-central-1")
    else:
        with pytest.raises(FullStoreError, match=r"the key encrypts bucket\.b"):
            gcp_stores.refuse_full_stores({"resource_changes": [key, stays]})
