"""Contracts are what is desired, ZenML is what is: registering makes the second like the first, and only that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stack_bootstrap.contract import StackContract
from stack_bootstrap.registration import (
    Changes,
    Progress,
    RegistrationError,
    diff,
    register,
    register_all,
)
from tests.stack_bootstrap.stack_contracts import WatchedClient, changed, local_contract, settle

NAME = "local-oncology-dev"


@pytest.fixture
def contracts(tmp_path: Path) -> dict[str, StackContract]:
    return {"oncology": local_contract(tmp_path)}


def actions(changes: Changes) -> dict[str, str]:
    """Action by ``kind type name`` of everything that is not as it should be."""
    return {" ".join(filter(None, (c.ref.kind, c.ref.type, c.ref.name))): c.action for c in changes}


def paths(changes: Changes) -> set[str]:
    return {difference.path for change in changes for difference in change.differences}


def test_a_stack_is_registered_as_its_contract_says(contracts: dict[str, StackContract], client: Any) -> None:
    register(contracts, client=client)

    stack = client.get_stack(NAME)
    assert {kind.value: found[0].name for kind, found in stack.components.items()} == dict.fromkeys(
        ("orchestrator", "artifact_store", "experiment_tracker", "model_registry"), NAME
    )
    assert stack.labels == {
        "cost_center": "research",
        "environment": "dev",
        "cloud": "local",
        "team": "oncology",
        "managed_by": "groundwork",
        "zenml_stack": NAME,
    }
    store = client.get_stack_component("artifact_store", NAME)
    assert store.configuration == contracts["oncology"].components["artifact_store"].configuration
    assert store.labels == stack.labels


def test_a_second_run_writes_nothing(contracts: dict[str, StackContract], client: Any) -> None:
    settle(contracts, client)
    assert not diff(contracts, client=client).differs


def test_diff_says_what_register_does_and_writes_nothing(contracts: dict[str, StackContract], client: Any) -> None:
    watched = WatchedClient(client)
    announced = actions(diff(contracts, client=watched))
    assert watched.writes == []
    assert set(announced.values()) == {"create"}
    assert len(announced) == 5
    assert actions(register(contracts, client=client)) == announced


def test_every_environment_and_team_is_registered_in_one_go(tmp_path: Path, client: Any) -> None:
    everything = {
        environment: {team: local_contract(tmp_path, environment, team) for team in ("oncology", "diabetes-care")}
        for environment in ("dev", "staging", "production")
    }
    seen: list[Progress] = []
    register_all(everything, client=client, observer=seen.append)
    assert {stack.name for stack in client.list_stacks().items} == {
        "default",
        *(f"local-{team}-{env}" for env in everything for team in ("oncology", "diabetes-care")),
    }
    assert [progress.done for progress in seen] == list(range(1, 31))
    assert {progress.total for progress in seen} == {30}


def test_reading_takes_no_more_calls_for_more_stacks(tmp_path: Path, client: Any) -> None:
    calls = []
    for count in (1, 6):
        contracts = {f"team{n}": local_contract(tmp_path, team=f"team{n}") for n in range(count)}
        register(contracts, client=client)
        watched = WatchedClient(client)
        register(contracts, client=watched)
        calls.append(len(watched.calls))
    assert calls[0] == calls[1] <= 5


def test_contracts_under_another_environment_are_refused(tmp_path: Path, client: Any) -> None:
    with pytest.raises(RegistrationError, match="stack local-oncology-dev: belongs to dev, not to staging"):
        register_all({"staging": {"oncology": local_contract(tmp_path)}}, client=client)


def test_a_simulated_contract_is_refused(tmp_path: Path, client: Any) -> None:
    with pytest.raises(RegistrationError, match=f"stack {NAME}: its contract is a simulation"):
        register({"oncology": local_contract(tmp_path, simulated=True)}, client=client)
    assert client.list_stacks().total == 1


def test_two_contracts_with_one_stack_name_are_refused(tmp_path: Path, client: Any) -> None:
    contract = local_contract(tmp_path)
    with pytest.raises(RegistrationError, match=f"{NAME}: two contracts ask for this name"):
        register({"a": contract, "b": contract}, client=client)


def _type(name: str) -> Any:
    from zenml.enums import StackComponentType

    return StackComponentType(name)


def alter_key(client: Any) -> None:
    client.update_stack_component(NAME, "artifact_store", configuration={"path": "/elsewhere"})


def add_key(client: Any) -> None:
    client.update_stack_component(NAME, "experiment_tracker", configuration={"experiment_name": "mine"})


def remove_key(client: Any) -> None:
    client.update_stack_component(NAME, "experiment_tracker", configuration={"tracking_uri": None})


def change_component_label(client: Any) -> None:
    client.update_stack_component(NAME, "orchestrator", labels={"team": "other", "extra": "x"})


def change_stack_labels(client: Any) -> None:
    client.update_stack(NAME, labels={"cost_center": None, "extra": "x"})


def inject_environment(client: Any) -> None:
    client.update_stack(NAME, environment={"HTTPS_PROXY": "http://elsewhere"})


def inject_component_environment(client: Any) -> None:
    client.update_stack_component(NAME, "orchestrator", environment={"HTTPS_PROXY": "http://elsewhere"})


def attach_secret(client: Any) -> None:
    client.create_secret("foreign", {"A": "b"})
    client.update_stack(NAME, add_secrets=["foreign"])


def take_component_out(client: Any) -> None:
    client.update_stack(NAME, component_updates={_type("experiment_tracker"): []})


def delete_component(client: Any) -> None:
    take_component_out(client)
    client.delete_stack_component(NAME, "experiment_tracker")


def add_component(client: Any) -> None:
    client.create_stack_component("builder", "local", "image_builder", {})
    client.update_stack(NAME, component_updates={_type("image_builder"): "builder"})


def swap_component(client: Any) -> None:
    client.create_stack_component("another", "local", "artifact_store", {"path": "/elsewhere"})
    client.update_stack(NAME, component_updates={_type("artifact_store"): "another"})


def delete_stack(client: Any) -> None:
    client.delete_stack(NAME)


@pytest.mark.parametrize(
    ("drift", "expected"),
    [
        (alter_key, {"configuration.path"}),
        (add_key, {"configuration.experiment_name"}),
        (remove_key, {"configuration.tracking_uri"}),
        (change_component_label, {"labels.team", "labels.extra"}),
        (change_stack_labels, {"labels.cost_center", "labels.extra"}),
        (inject_environment, {"environment.HTTPS_PROXY"}),
        (inject_component_environment, {"environment.HTTPS_PROXY"}),
        (attach_secret, {"secrets"}),
        (take_component_out, {"components.experiment_tracker"}),
        (delete_component, {"components.experiment_tracker"}),
        (add_component, {"components.image_builder"}),
        (swap_component, {"components.artifact_store"}),
        (delete_stack, set()),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_drift_in_zenml_is_reported_and_undone(
    contracts: dict[str, StackContract], client: Any, drift: Callable[[Any], None], expected: set[str]
) -> None:
    register(contracts, client=client)
    before = client.get_stack_component("artifact_store", NAME).id
    drift(client)

    reported = diff(contracts, client=client)
    assert reported.differs
    assert paths(reported) == expected
    settle(contracts, client)
    assert client.get_stack_component("artifact_store", NAME).id == before


def test_a_changed_contract_is_followed(contracts: dict[str, StackContract], client: Any, tmp_path: Path) -> None:
    register(contracts, client=client)

    def change(raw: dict[str, Any]) -> None:
        raw["components"]["artifact_store"]["configuration"]["path"] = str(tmp_path / "moved")
        del raw["components"]["model_registry"]
        raw["components"]["image_builder"] = {"flavor": "local"}
        raw["stack"]["labels"]["cost_center"] = "clinic"

    contracts["oncology"] = changed(contracts["oncology"], change)
    settle(contracts, client)
    stack = client.get_stack(NAME)
    assert {kind.value for kind in stack.components} == {
        "orchestrator", "artifact_store", "experiment_tracker", "image_builder",
    }  # fmt: skip
    assert stack.labels["cost_center"] == "clinic"
    assert client.get_stack_component("artifact_store", NAME).configuration["path"] == str(tmp_path / "moved")
    orphans = diff(contracts, client=client).orphans
    assert [(orphan.ref.type, orphan.ref.name) for orphan in orphans] == [("model_registry", NAME)]


def test_values_that_zenml_stores_in_another_form_do_not_differ_for_ever(
    contracts: dict[str, StackContract], client: Any
) -> None:
    def change(raw: dict[str, Any]) -> None:
        raw["components"]["image_builder"] = {"flavor": "local", "configuration": {"use_subprocess_call": "true"}}
        raw["components"]["artifact_store"]["configuration"]["path"] += "'"

    contracts["oncology"] = changed(contracts["oncology"], change)
    settle(contracts, client)
    assert client.get_stack_component("image_builder", NAME).configuration == {"use_subprocess_call": True}


def test_a_changed_flavor_gets_a_new_component_and_the_old_one_stays_as_an_orphan(
    contracts: dict[str, StackContract], client: Any
) -> None:
    register(contracts, client=client)
    old = client.get_stack_component("artifact_store", NAME)
    new = changed(
        contracts["oncology"],
        lambda raw: raw["components"].update(artifact_store={"flavor": "s3", "configuration": {"path": "s3://bucket"}}),
    )
    assert actions(diff({"oncology": new}, client=client)) == {
        f"component artifact_store {NAME}": "replace",
        f"stack {NAME}": "update",
    }
    done = register({"oncology": new}, client=client)
    assert [orphan.ref.name for orphan in done.orphans] == [f"{NAME}-superseded-{old.id.hex[:8]}"]
    settle({"oncology": new}, client)

    component = client.get_stack(NAME).components["artifact_store"][0]
    assert component.id == client.get_stack_component("artifact_store", NAME).id != old.id
    assert component.flavor_name == "s3"
    assert client.get_stack_component("artifact_store", old.id).configuration == old.configuration
    assert diff({"oncology": new}, client=client).orphans


def test_what_no_contract_asks_for_any_more_is_reported_and_goes_only_when_pruned(tmp_path: Path, client: Any) -> None:
    both = {team: local_contract(tmp_path, team=team) for team in ("oncology", "diabetes-care")}
    register(both, client=client)
    one = {"oncology": both["oncology"]}

    left = register(one, client=client)
    assert {orphan.ref.name for orphan in left.orphans} == {"local-diabetes-care-dev"}
    assert len(left.orphans) == 5
    assert left.differs
    assert client.list_stacks(name="local-diabetes-care-dev").total == 1

    pruned = register(one, client=client, prune=True)
    assert pruned.counts()["delete"] == 5
    assert client.list_stacks(name="local-diabetes-care-dev").total == 0
    assert client.list_stack_components(name="local-diabetes-care-dev").total == 0
    assert not diff(one, client=client).differs


def test_a_replaced_component_is_pruned_in_the_run_that_replaces_it(
    contracts: dict[str, StackContract], client: Any
) -> None:
    register(contracts, client=client)
    new = changed(contracts["oncology"], lambda raw: raw["components"]["orchestrator"].update(flavor="local_docker"))
    register({"oncology": new}, client=client, prune=True)
    assert client.list_stack_components(type="orchestrator", name=f"startswith:{NAME}").total == 1


def test_other_environments_clouds_and_teams_are_no_orphans(tmp_path: Path, client: Any) -> None:
    dev = local_contract(tmp_path)
    on_aws = changed(dev, lambda raw: (raw.update(cloud="aws"), raw["stack"].update(name="oncology-dev")))
    other = local_contract(tmp_path, team="diabetes-care")
    production = local_contract(tmp_path, "production")
    for contract in (dev, on_aws, other, production):
        register({contract.team: contract}, client=client, team=contract.team)
    assert not diff({"oncology": dev}, client=client, team="oncology").orphans
    assert {orphan.ref.name for orphan in diff({"oncology": dev}, client=client).orphans} == {"local-diabetes-care-dev"}


def test_what_groundwork_does_not_manage_is_never_overwritten(contracts: dict[str, StackContract], client: Any) -> None:
    store = client.create_stack_component(NAME, "local", "artifact_store", {"path": "/theirs"})
    orchestrator = client.create_stack_component(NAME, "local", "orchestrator", {})
    client.create_stack(NAME, {_type("orchestrator"): orchestrator.id, _type("artifact_store"): store.id})

    watched = WatchedClient(client)
    with pytest.raises(RegistrationError) as refused:
        register(contracts, client=watched)
    assert watched.writes == []
    for named in (f"artifact_store component {NAME}", f"orchestrator component {NAME}", f"stack {NAME}"):
        assert f"{named}: exists in ZenML and is not managed by Groundwork" in str(refused.value)

    register(contracts, client=client, adopt=True)
    assert client.get_stack_component("artifact_store", NAME).id == store.id
    assert client.get_stack_component("artifact_store", NAME).configuration["path"] != "/theirs"
    settle(contracts, client)
