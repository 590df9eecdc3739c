"""The shared server in a cluster, as it is rendered: what keeps it up, what it may do and reach, and nothing secret."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from environments import SERVER, SettingsError, load_platform
from stack_bootstrap.cluster.objects import KINDS, SERVED, Manifest
from stack_bootstrap.cluster.render import ClusterTarget
from stack_bootstrap.policy.cluster_rules import cluster_violations
from stack_bootstrap.workspace import workspace
from tests.conftest import REPOSITORY, edit_yaml

EXAMPLE = REPOSITORY / "infra" / "servers" / "server.example.yaml"


@pytest.fixture
def settings(settings_directory: Path) -> Path:
    shutil.copy(EXAMPLE, settings_directory / "server.yaml")
    return settings_directory


def target(settings: Path) -> ClusterTarget:
    found = workspace(load_platform(settings), SERVER, "kubernetes").cluster
    assert found is not None
    return found


def of_kind(settings: Path, kind: str) -> dict[str, Manifest]:
    return {it["metadata"]["name"]: it for it in target(settings).manifests if it["kind"] == kind}


def pods(settings: Path) -> dict[str, dict[str, Any]]:
    return {name: it["spec"]["template"]["spec"] for name, it in of_kind(settings, "Deployment").items()}


def test_one_of_two_can_go_and_a_new_one_answers_before_an_old_one_goes(settings: Path) -> None:
    deployments = of_kind(settings, "Deployment")
    assert set(deployments) == {"zenml", "tracker-oncology-production", "tracker-diabetes-care-production"}
    budgets = of_kind(settings, "PodDisruptionBudget")
    for name, deployment in deployments.items():
        assert deployment["spec"]["replicas"] == 2
        assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
        assert budgets[name]["spec"]["minAvailable"] == 1
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert {"livenessProbe", "readinessProbe", "startupProbe", "lifecycle"} <= set(container)
        chosen = deployment["spec"]["selector"]["matchLabels"]
        assert of_kind(settings, "Service")[name]["spec"]["selector"] == chosen
        assert chosen.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()


def test_pods_are_the_image_by_digest_without_rights(settings: Path) -> None:
    for pod in pods(settings).values():
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        (container,) = pod["containers"]
        assert "@sha256:" in container["image"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": True,
        }


def test_what_is_secret_is_named_and_never_held(settings: Path) -> None:
    secret = {}
    for pod in pods(settings).values():
        for variable in pod["containers"][0]["env"]:
            if any(word in variable["name"] for word in ("PASSWORD", "SECRET_KEY", "ENCRYPTION_KEY", "ACCESS_KEY")):
                assert "value" not in variable
                secret[variable["name"]] = variable["valueFrom"]["secretKeyRef"]["key"]
    assert secret == {
        "AWS_ACCESS_KEY_ID": "access_key",
        "AWS_SECRET_ACCESS_KEY": "secret_key",
        "GROUNDWORK_DATABASE_PASSWORD": "database_password",
        "ZENML_DEFAULT_USER_PASSWORD": "administrator_password",
        "ZENML_SECRETS_STORE_ENCRYPTION_KEY": "encryption_key",
        "ZENML_SERVER_JWT_SECRET_KEY": "token_key",
    }
    assert not of_kind(settings, "Secret")


def test_the_network_lets_clients_in_and_database_and_logs_out(settings: Path) -> None:
    policies = {name: it["spec"] for name, it in of_kind(settings, "NetworkPolicy").items()}
    assert policies["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    (rule,) = policies["clients"]["ingress"]
    assert rule["from"] == [{"ipBlock": {"cidr": "10.0.0.0/8"}}, {"podSelector": {}}]
    (database,) = policies["database"]["egress"]
    assert (database["to"], database["ports"]) == (
        [{"ipBlock": {"cidr": "192.0.2.42/32"}}],
        [{"protocol": "TCP", "port": 3306}],
    )
    environment = workspace(load_platform(settings), "production", "kubernetes").cluster
    assert environment is not None
    names = next(it for it in environment.manifests if it["metadata"]["name"] == "egress-dns")
    assert policies["egress-dns"] == names["spec"], "names are asked for where pods of the environment ask"
    reached = {block["ipBlock"]["cidr"] for rule in policies["store"]["egress"] for block in rule["to"]}
    assert reached == {
        cidr
        for environment in load_platform(settings).environments.values()
        if environment.kubernetes
        for cidr in environment.kubernetes.egress.store.cidrs
    }


def test_a_tracker_keeps_files_beside_its_teams_artifacts(settings: Path) -> None:
    given = {
        it["name"]: it.get("value") for it in pods(settings)["tracker-oncology-production"]["containers"][0]["env"]
    }
    assert given["GROUNDWORK_TRACKER_FILES"] == "s3://acme-ml-oncology-production-artifacts/mlflow"
    assert given["GROUNDWORK_TRACKER_OWNER"] == "oncology/production"
    edit_yaml(settings / "server.yaml", lambda raw: raw.update(trackers=["oncology/dev"]))
    edit_yaml(settings / "dev.yaml", lambda raw: raw.pop("kubernetes"))
    with pytest.raises(SettingsError, match="dev has no 'kubernetes' section"):
        target(settings)


def test_clients_come_by_tls_where_the_cluster_has_a_way_in(settings: Path) -> None:
    spec = of_kind(settings, "Ingress")["server"]["spec"]
    hosts = {rule["host"] for rule in spec["rules"]}
    assert spec["tls"] == [{"hosts": sorted(hosts), "secretName": "server-tls"}]
    assert hosts == {
        "zenml.acme.example",
        "oncology-production.zenml.acme.example",
        "diabetes-care-production.zenml.acme.example",
    }
    edit_yaml(settings / "server.yaml", lambda raw: raw["kubernetes"].pop("ingress"))
    assert of_kind(settings, "Ingress") == {}


def test_no_rule_is_broken_and_one_that_is_would_be_seen(settings: Path) -> None:
    rendered = target(settings).manifests
    assert cluster_violations(rendered) == []
    without = [it for it in rendered if it["kind"] != "NetworkPolicy"]
    assert cluster_violations(without) != []


def test_environments_do_not_ask_for_what_only_the_server_has(settings: Path) -> None:
    platform = load_platform(settings)
    served = target(settings)
    assert served.serves
    assert {it["kind"] for it in served.manifests} >= SERVED
    host = workspace(platform, "production", "kubernetes").cluster
    assert host is not None
    assert not host.serves
    assert not {it["kind"] for it in host.manifests} & SERVED
    assert {kind.name for kind in KINDS} > SERVED
    assert served.labels["environment"] == SERVER
