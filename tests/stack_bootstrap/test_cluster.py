"""What is rendered for a cluster from settings and team files; a real cluster is asked in tests/kubernetes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from environments import SettingsError, load_platform
from environments.names import ENVIRONMENT_MAX, PREFIX_MAX, TEAM_MAX
from stack_bootstrap.cluster.commands import manifests as write_manifests
from stack_bootstrap.cluster.objects import ClusterError, ref_of
from stack_bootstrap.cluster.rights import RIGHTS
from stack_bootstrap.cluster.session import apply_inside, plan_inside
from stack_bootstrap.policy.cluster_rules import cluster_violations
from stack_bootstrap.workspace import workspace
from tests.conftest import edit_yaml, remove_diabetes_care
from tests.infra.managed_cluster import managed_cluster
from tests.infra.offline.simulated import simulated_workspace
from tests.kubernetes.needed import SEEN_NEEDED

TEAMS = ("diabetes-care", "oncology", "platform")


def rendered(settings: Path, environment: str = "dev") -> list[dict[str, Any]]:
    target = workspace(load_platform(settings), environment, "kubernetes").cluster
    assert target is not None
    return list(target.manifests)


def of_kind(objects: list[dict[str, Any]], kind: str, namespace: str = "acme-ml-oncology-dev") -> dict[str, Any]:
    found = [it for it in objects if it["kind"] == kind and it["metadata"].get("namespace", namespace) == namespace]
    return {it["metadata"]["name"]: it for it in found}


def test_every_team_gets_the_same_objects_and_all_bear_the_labels(settings_directory: Path) -> None:
    objects = rendered(settings_directory)
    assert len({ref_of(it) for it in objects}) == len(objects)
    counts = [
        Counter(it["kind"] for it in objects if it["metadata"].get("namespace") == f"acme-ml-{team}-dev")
        for team in TEAMS
    ]
    assert counts[0] == counts[1] == counts[2]
    for it in objects:
        labels = it["metadata"]["labels"]
        assert {"cost_center", "environment", "managed_by", "team", "zenml_stack", "groundwork/prefix"} <= set(labels)
        assert labels["team"] in it["metadata"].get("namespace", it["metadata"]["name"])


def test_pods_must_be_restricted(settings_directory: Path) -> None:
    for namespace in of_kind(rendered(settings_directory), "Namespace").values():
        modes = {key: value for key, value in namespace["metadata"]["labels"].items() if "pod-security" in key}
        assert modes == {
            f"pod-security.kubernetes.io/{mode}{suffix}": value
            for mode in ("enforce", "audit", "warn")
            for suffix, value in (("", "restricted"), ("-version", "latest"))
        }


def test_the_network_refuses_by_default_and_lets_out_what_the_settings_name(settings_directory: Path) -> None:
    edit_yaml(
        settings_directory / "dev.yaml",
        lambda raw: raw["kubernetes"]["egress"].update(
            registry={"cidrs": ["192.0.2.40/32"], "ports": [5000]},
            others={"tracker": {"cidrs": ["192.0.2.50/32", "192.0.2.51/32"], "ports": [443, 8443]}},
        ),
    )
    policies = of_kind(rendered(settings_directory), "NetworkPolicy")
    assert policies["default-deny"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert set(policies) == {"default-deny"} | {
        f"egress-{name}" for name in ("api-server", "dns", "registry", "store", "to-tracker", "zenml-server")
    }
    assert not [name for name, policy in policies.items() if "ingress" in policy["spec"]]
    asks = policies["egress-api-server"]["spec"]
    assert asks["podSelector"] == {"matchLabels": {"part": "orchestrator"}}
    (rule,) = policies["egress-to-tracker"]["spec"]["egress"]
    assert rule["to"] == [{"ipBlock": {"cidr": "192.0.2.50/32"}}, {"ipBlock": {"cidr": "192.0.2.51/32"}}]
    assert [port["port"] for port in rule["ports"]] == [443, 8443]
    (names,) = policies["egress-dns"]["spec"]["egress"]
    assert names["to"][0]["podSelector"] == {"matchLabels": {"k8s-app": "kube-dns"}}
    assert {(port["protocol"], port["port"]) for port in names["ports"]} == {("UDP", 53), ("TCP", 53)}


def test_rights_are_those_that_runs_were_seen_to_need(settings_directory: Path) -> None:
    roles = of_kind(rendered(settings_directory), "Role")
    found = {
        name: {(rule["apiGroups"][0], rule["resources"][0]): " ".join(rule["verbs"]) for rule in role["rules"]}
        for name, role in roles.items()
    }
    assert found == SEEN_NEEDED
    assert all(right.reason for rights in RIGHTS.values() for right in rights)


def test_a_pull_secret_is_of_the_accounts_that_pods_run_as(settings_directory: Path) -> None:
    edit_yaml(settings_directory / "dev.yaml", lambda raw: raw["kubernetes"].update(pull_secret="registry"))
    accounts = of_kind(rendered(settings_directory), "ServiceAccount")
    pulling = {name for name, account in accounts.items() if "imagePullSecrets" in account}
    assert pulling == {"step", "workload"}


def test_the_longest_names_fit_and_two_teams_never_share_a_namespace(settings_directory: Path) -> None:
    team, environment = "t" * TEAM_MAX, "e" * ENVIRONMENT_MAX
    (settings_directory / "dev.yaml").rename(settings_directory / f"{environment}.yaml")
    edit_yaml(
        settings_directory / f"{environment}.yaml",
        lambda raw: raw.update(environment=environment, prefix="p" * PREFIX_MAX),
    )
    for file in (settings_directory / "teams").glob("*.yaml"):
        edit_yaml(file, lambda raw: raw["environments"].update({environment: raw["environments"].pop("dev")}))
    longest = settings_directory / "teams" / "oncology.yaml"
    edit_yaml(longest, lambda raw: raw.update(team=team))
    longest.rename(longest.with_stem(team))
    names = [it["metadata"]["name"] for it in rendered(settings_directory, environment) if it["kind"] == "Namespace"]
    assert f"{'p' * PREFIX_MAX}-{team}-{environment}" in names
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 63


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"quota": {"cpu": 4, "memory": "64Gi"}}, r"a step may ask for 8 cores and 32Gi, more than the 4 and 64Gi"),
        ({"quota": {"cpu": 16, "memory": "1Gi"}}, r"more than the 16 and 1Gi of its team's quota"),
        ({"defaults": {"cpu": 9}}, r"a step that asks for nothing gets 9 cores"),
        ({"egress": {}}, r"kubernetes\.egress\.api_server: is required"),
        ({"store": {"endpoint": "s3.acme.example"}}, r"kubernetes\.store\.endpoint"),
        ({"registry": {"uri": "https://registry.acme.example", "repository": "a"}}, r"kubernetes\.registry\.uri"),
    ],
)
def test_settings_that_cannot_work_are_refused_by_key(
    change: dict[str, Any], says: str, settings_directory: Path
) -> None:
    edit_yaml(settings_directory / "dev.yaml", lambda raw: raw["kubernetes"].update(change))
    with pytest.raises(SettingsError, match=says):
        load_platform(settings_directory)


def test_an_address_range_that_is_none_is_refused_with_an_example(settings_directory: Path) -> None:
    def spoil(raw: dict[str, Any]) -> None:
        raw["kubernetes"]["egress"]["store"]["cidrs"] = ["192.0.2.1/24"]

    edit_yaml(settings_directory / "dev.yaml", spoil)
    with pytest.raises(SettingsError, match=r"egress\.store\.cidrs\.0: .*host bits set.*10\.1\.2\.3/32"):
        load_platform(settings_directory)


def test_accelerators_of_a_step_fit_into_the_quota(settings_directory: Path) -> None:
    edit_yaml(settings_directory / "dev.yaml", lambda raw: raw.update(limits={"accelerators": 1}))
    with pytest.raises(SettingsError, match=r"limits\.accelerators is 1, more than the 0"):
        load_platform(settings_directory)


def test_manifests_are_written_by_namespace_and_only_what_changed(
    settings_directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "gitops"
    write_manifests("dev", "kubernetes", settings_directory, out)
    assert {file.name for file in out.iterdir()} == {f"acme-ml-{team}-dev.yaml" for team in TEAMS}
    written = [it for file in sorted(out.iterdir()) for it in yaml.safe_load_all(file.read_text(encoding="utf-8"))]
    key = str
    assert sorted(written, key=key) == sorted(rendered(settings_directory), key=key)
    assert "3 files changed" in capsys.readouterr().out
    remove_diabetes_care(settings_directory)
    write_manifests("dev", "kubernetes", settings_directory, out)
    said = capsys.readouterr().out
    assert "0 files changed" in said
    assert "acme-ml-diabetes-care-dev.yaml is of a team that is gone" in said
    write_manifests("dev", "kubernetes", settings_directory, None)
    assert list(yaml.safe_load_all(capsys.readouterr().out)) == rendered(settings_directory)
    with pytest.raises(ClusterError, match="dev on local has nothing inside a cluster"):
        write_manifests("dev", "local", settings_directory, None)


def test_a_simulation_asks_no_cluster_and_would_add_everything(settings_directory: Path) -> None:
    where = simulated_workspace(settings_directory, "dev", "kubernetes")
    plan = plan_inside(where)
    assert len(plan.refs("add")) == len(plan.changes) == len(rendered(settings_directory))
    assert plan.digest == plan_inside(where).digest != ""
    apply_inside(where, plan, None)  # there is no such context, so asking would be an error
    assert not plan_inside(where, destroy=True).differs
    assert not plan_inside(workspace(load_platform(settings_directory), "dev", "local")).differs


CLIENTS = {
    "aws": {"kind": "Group", "name": "acme-ml-oncology-dev"},
    "gcp": {"kind": "User", "name": "oncology-dev-cl@acme-ml-dev.iam.gserviceaccount.com"},
}


def with_cluster(settings: Path, cloud: str) -> Path:
    """Have dev run in a cluster of ``cloud``."""

    def change(raw: dict[str, Any]) -> None:
        raw[cloud].update(orchestrator="kubernetes", kubernetes=managed_cluster(raw))
        if cloud == "aws":
            raw[cloud]["cluster"] = "acme"

    edit_yaml(settings / "dev.yaml", change)
    return settings


@pytest.mark.parametrize("cloud", CLIENTS)
def test_a_clouds_cluster_gets_what_an_own_one_gets(cloud: str, settings_directory: Path) -> None:
    own = {ref_of(it): it for it in rendered(settings_directory)}
    target = workspace(load_platform(with_cluster(settings_directory, cloud)), "dev", cloud).cluster
    assert target is not None
    found = {ref_of(it): it for it in target.manifests}
    assert {ref.name for ref in set(found) ^ set(own)} == {"egress-credentials"}
    for kind in ("Role", "ResourceQuota", "LimitRange"):
        assert of_kind(list(found.values()), kind) == of_kind(list(own.values()), kind)
    assert cluster_violations(target.manifests) == []
    bindings = of_kind(list(found.values()), "RoleBinding")
    group = "rbac.authorization.k8s.io"
    assert bindings["client"]["subjects"][1:] == [{"apiGroup": group, **CLIENTS[cloud]}]
    assert [len(bindings[name]["subjects"]) for name in ("step", "workload") if name in bindings] == [1]
    accounts = of_kind(list(found.values()), "ServiceAccount")
    bound = {name for name, account in accounts.items() if "annotations" in account["metadata"]}
    assert bound == ({"step", "workload"} if cloud == "gcp" else set())  # EKS is told by Terraform


def test_no_team_submits_runs_of_another(settings_directory: Path) -> None:
    target = workspace(load_platform(with_cluster(settings_directory, "gcp")), "dev", "gcp").cluster
    assert target is not None
    named = [
        (it["metadata"]["namespace"], subject["name"])
        for it in target.manifests
        if it["kind"] == "RoleBinding"
        for subject in it["subjects"]
        if subject["kind"] == "User"
    ]
    assert sorted(named) == [
        (f"acme-ml-{team}-dev", f"{team}-dev-cl@acme-ml-dev.iam.gserviceaccount.com") for team in TEAMS
    ]


def test_a_cluster_that_terraform_makes_is_filled_by_the_second_apply(
    settings_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(_kubeconfig(tmp_path)))
    where = workspace(load_platform(with_cluster(settings_directory, "gcp")), "dev", "gcp")
    plan = plan_inside(where)
    assert where.cluster is not None
    assert len(plan.refs("add")) == len(where.cluster.manifests)
    assert "was not looked at" in plan.notes[0]
    with pytest.raises(ClusterError, match=r"Terraform's part of .* is done.* named acme-dev, and apply again"):
        apply_inside(where, plan, None)
    assert not plan_inside(where, destroy=True).differs


def test_a_cluster_that_was_there_before_must_be_found(
    settings_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(_kubeconfig(tmp_path)))
    where = workspace(load_platform(with_cluster(settings_directory, "aws")), "dev", "aws")
    with pytest.raises(ClusterError, match="cannot be reached by context acme-dev"):
        plan_inside(where)


def _kubeconfig(folder: Path) -> Path:
    """A kubeconfig of another cluster."""
    file = folder / "kubeconfig"
    other = {"name": "other", "context": {"cluster": "other", "user": "other"}}
    file.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "contexts": [other]}), encoding="utf-8")
    return file


@pytest.mark.parametrize("cloud", CLIENTS)
def test_a_managed_cluster_and_its_section_go_together(cloud: str, settings_directory: Path) -> None:
    edit_yaml(settings_directory / "dev.yaml", lambda raw: raw[cloud].update(kubernetes=managed_cluster(raw)))
    with pytest.raises(
        SettingsError, match=r"orchestrator is 'local', and a section kubernetes .* give both or neither"
    ):
        load_platform(settings_directory)


@pytest.mark.parametrize("cloud", CLIENTS)
def test_a_step_fits_into_the_quota_of_a_managed_cluster(cloud: str, settings_directory: Path) -> None:
    with_cluster(settings_directory, cloud)
    edit_yaml(
        settings_directory / "dev.yaml", lambda raw: raw[cloud]["kubernetes"].update(quota={"cpu": 1, "memory": "1Gi"})
    )
    with pytest.raises(SettingsError, match="more than the 1 and 1Gi of its team's quota"):
        load_platform(settings_directory)
