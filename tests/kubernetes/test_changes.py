"""Plan, apply, drift and pruning inside a real cluster: what differs, whose it is, and what must not be deleted."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from environments import Platform
from stack_bootstrap import infrastructure
from stack_bootstrap.cluster.changes import NamespaceInUseError, apply_cluster, plan_cluster, refuse_used
from stack_bootstrap.cluster.connection import Cluster
from stack_bootstrap.cluster.objects import ClusterError, Ref
from stack_bootstrap.infrastructure import ProtectedEnvironmentError
from stack_bootstrap.plans import PlanFileError
from stack_bootstrap.workspace import Workspace, workspace
from tests.conftest import edit_yaml, remove_diabetes_care
from tests.infra.aws.cloud import require_provider, running_server
from tests.kubernetes.api import Api, until
from tests.kubernetes.conftest import Installation, install

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"


def test_applying_twice_changes_nothing_and_every_object_bears_the_labels(installation: Installation) -> None:
    first = plan_cluster(installation.cluster, installation.target())
    assert set(first.refs("add")) == {str(change.ref) for change in first.changes}
    installation.apply()
    again = plan_cluster(installation.cluster, installation.target())
    assert (again.changes, again.digest) == ((), "")
    assert again.compared == len(first.changes)
    namespace = installation.api("GET", f"/api/v1/namespaces/{installation.namespace('oncology')}").body
    labels = namespace["metadata"]["labels"]
    wanted = {"environment": "dev", "team": "oncology", "cost_center": "cc-oncology", "managed_by": "groundwork"}
    assert wanted.items() <= labels.items()
    assert labels["zenml_stack"] == "oncology-dev"
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_what_was_changed_by_hand_is_shown_by_field_and_put_back(installation: Installation) -> None:
    installation.apply()
    namespace, api = installation.namespace("oncology"), installation.api
    policies = f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies"
    anywhere = [{"op": "replace", "path": "/spec/egress/0/to/0/ipBlock/cidr", "value": "0.0.0.0/0"}]
    assert api("PATCH", f"{policies}/egress-store", anywhere, JSON_PATCH).status == 200
    privileged = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}
    assert api("PATCH", f"/api/v1/namespaces/{namespace}", privileged, MERGE_PATCH).status == 200
    assert api("DELETE", f"/api/v1/namespaces/{namespace}/resourcequotas/team").status == 200
    binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "theirs"}}
    binding["roleRef"] = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"}
    bindings = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings"
    assert api("POST", bindings, binding).status == 201

    plan = plan_cluster(installation.cluster, installation.target())
    assert list(plan.lines()) == [
        f"  ~ cluster.namespace.{namespace}",
        '      metadata.labels.pod-security.kubernetes.io/enforce: "privileged" -> "restricted"',
        f"  + cluster.resourcequota.{namespace}/team",
        f"  ~ cluster.networkpolicy.{namespace}/egress-store",
        '      spec.egress[0].to[0].ipBlock.cidr: "0.0.0.0/0" -> "192.0.2.30/32"',
    ]
    (note,) = plan.notes
    assert note.startswith(f"cluster.rolebinding.{namespace}/theirs was made by somebody else")
    apply_cluster(installation.cluster, plan, installation.target())
    assert plan_cluster(installation.cluster, installation.target()).changes == ()
    assert api("GET", f"{bindings}/theirs").status == 200, "what others made is told of and left alone"


def test_a_binding_that_grants_something_else_is_made_anew(installation: Installation) -> None:
    installation.apply()
    namespace = installation.namespace("oncology")
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings/client"
    found = installation.api("GET", path).body
    found["metadata"] = {key: found["metadata"][key] for key in ("name", "labels")}
    found["roleRef"] = {**found["roleRef"], "kind": "ClusterRole", "name": "edit"}
    assert installation.api("DELETE", path).status == 200
    assert installation.api("POST", path.removesuffix("/client"), found).status == 201
    plan = plan_cluster(installation.cluster, installation.target())
    assert plan.refs("replace") == (f"cluster.rolebinding.{namespace}/client",)
    assert 'roleRef.name: "edit" -> "client"' in "\n".join(plan.lines())
    apply_cluster(installation.cluster, plan, installation.target())
    assert installation.api("GET", path).body["roleRef"]["name"] == "client"


def test_a_team_that_is_gone_is_pruned_and_no_other_environment_or_platform_is_touched(
    installation: Installation, applied: Installation
) -> None:
    installation.apply("dev")
    installation.apply("staging")
    remove_diabetes_care(installation.settings)
    plan = plan_cluster(installation.cluster, installation.target("dev"))
    doomed = Ref("Namespace", None, installation.namespace("diabetes-care"))
    assert [(change.action, change.ref) for change in plan.changes] == [("delete", doomed)]
    refuse_used(installation.cluster, plan)
    apply_cluster(installation.cluster, plan, installation.target("dev"))
    assert installation.cluster.get(doomed) is None
    for kept in (
        installation.namespace("oncology"),
        installation.namespace("diabetes-care", "staging"),
        applied.namespace("diabetes-care"),
    ):
        found = installation.cluster.get(Ref("Namespace", None, kept))
        assert found is not None
        assert found["status"]["phase"] == "Active"


def test_what_is_rendered_no_more_is_deleted_from_a_namespace_that_stays(installation: Installation) -> None:
    peer = {"tracker": {"cidrs": ["192.0.2.99/32"], "ports": [443]}}
    file = installation.settings / "dev.yaml"
    edit_yaml(file, lambda raw: raw["kubernetes"]["egress"].update(others=peer))
    installation.apply()
    edit_yaml(file, lambda raw: raw["kubernetes"]["egress"].pop("others"))
    plan = plan_cluster(installation.cluster, installation.target())
    teams = ("diabetes-care", "oncology", "platform")
    assert plan.refs("delete") == tuple(
        f"cluster.networkpolicy.{installation.namespace(team)}/egress-to-tracker" for team in teams
    )
    assert len(plan.changes) == len(teams)


def test_a_namespace_in_which_something_runs_is_scheduled_or_kept_is_not_deleted(installation: Installation) -> None:
    installation.apply()
    namespace = installation.namespace("diabetes-care")
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "none.invalid/it:1"}]}}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "training"}, "spec": {"template": template}}
    # Its pod is refused, and so it goes on trying: that counts as running once a pod is there.
    template["spec"]["containers"][0]["securityContext"] = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    schedule = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "nightly"}}
    schedule["spec"] = {"schedule": "0 2 * * *", "jobTemplate": {"spec": job["spec"]}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}}
    claim["spec"] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    for path, body in (
        (jobs, job),
        (f"/apis/batch/v1/namespaces/{namespace}/cronjobs", schedule),
        (f"/api/v1/namespaces/{namespace}/persistentvolumeclaims", claim),
    ):
        answer = installation.api("POST", path, body)
        assert answer.status == 201, answer.said
    until(lambda: installation.api("GET", f"{jobs}/training").body["status"].get("active") == 1, "the job runs")
    remove_diabetes_care(installation.settings)
    plan = plan_cluster(installation.cluster, installation.target())
    with pytest.raises(NamespaceInUseError) as refused:
        refuse_used(installation.cluster, plan)
    assert f"  {namespace}: running jobs training; schedules nightly; claims of volumes data" in str(refused.value)
    found = installation.cluster.get(Ref("Namespace", None, namespace))
    assert found is not None
    assert found["status"]["phase"] == "Active"


@pytest.mark.parametrize("labels", [{}, {"environment": "production", "managed_by": "groundwork"}])
def test_a_namespace_of_somebody_else_is_not_taken_over(labels: dict[str, str], installation: Installation) -> None:
    name = installation.namespace("oncology")
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    assert installation.api("POST", "/api/v1/namespaces", body).status == 201
    with pytest.raises(ClusterError, match=rf"namespace\.{name}: it exists and is not of dev .*kubectl label"):
        plan_cluster(installation.cluster, installation.target())


def test_labels_alone_do_not_make_a_namespace_ours(installation: Installation) -> None:
    installation.apply()
    target = installation.target()
    body = {"apiVersion": "v1", "kind": "Namespace"}
    body["metadata"] = {"name": f"{installation.prefix}-theirs", "labels": {**target.labels, "team": "oncology"}}
    assert installation.api("POST", "/api/v1/namespaces", body).status == 201
    plan = plan_cluster(installation.cluster, target, destroy=True)
    assert f"cluster.namespace.{installation.prefix}-theirs" not in plan.refs("delete")
    assert f"{installation.prefix}-theirs bears the labels of dev" in "".join(plan.notes)


def test_an_error_names_the_object_and_says_what_the_server_said(installation: Installation) -> None:
    target = installation.target()
    broken = json.loads(json.dumps(target.manifests))
    quota = next(it for it in broken if it["kind"] == "ResourceQuota")
    quota["spec"]["hard"]["pods"] = "many"
    bad = replace(target, manifests=tuple(broken))
    with pytest.raises(ClusterError) as refused:
        apply_cluster(installation.cluster, plan_cluster(installation.cluster, bad), bad)
    said = str(refused.value)
    assert f"cluster.resourcequota.{quota['metadata']['namespace']}/team: the cluster refuses it" in said
    assert "\n" not in said
    apply_cluster(installation.cluster, plan_cluster(installation.cluster, target), target)
    assert plan_cluster(installation.cluster, target).changes == (), "it goes on where it was stopped"


def test_a_cluster_that_cannot_be_reached_is_named(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ClusterError, match=r"context nowhere.*in the section kubernetes.*KUBECONFIG"):
        Cluster("nowhere")
    closed = tmp_path / "config"
    text = api.kubeconfig.read_text(encoding="utf-8")
    address = next(word for word in text.replace('"', " ").split() if word.startswith("https://")).rstrip(",}")
    closed.write_text(text.replace(address, "https://127.0.0.1:9"), encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(closed))
    with pytest.raises(ClusterError, match="does not answer"):
        Cluster(api.context).list_objects("Namespace")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, api: Api, cluster: Cluster) -> Iterator[Installation]:
    """A platform with a store, for what Terraform and the cluster do together."""
    require_provider()
    folder = tmp_path_factory.mktemp("whole")
    made = install(folder, api, cluster)
    with running_server(folder) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        for name in ("dev", "production"):
            edit_yaml(made.settings / f"{name}.yaml", lambda raw: _store(raw, server.url))
        yield made
    made.remove()


def _store(raw: dict[str, Any], endpoint: str) -> None:
    raw["kubernetes"]["store"] = {"endpoint": endpoint, "create_buckets": False}


def _workspace(platform: Platform, environment: str, folder: Path) -> Workspace:
    from stack_bootstrap.clouds.kubernetes.state_bucket import make_state_bucket

    make_state_bucket(platform.environment(environment))
    return replace(workspace(platform, environment, "kubernetes"), home=folder / "home" / environment)


@pytest.mark.slow
def test_a_plan_shows_both_sides_and_apply_keeps_to_what_was_reviewed(whole: Installation, tmp_path: Path) -> None:
    where = _workspace(whole.platform, "dev", tmp_path)
    shown = io.StringIO()
    planned = infrastructure.plan(where, stream=shown)
    assert "In the cluster, by the server's own dry run:" in shown.getvalue()
    assert f"  + cluster.namespace.{whole.namespace('oncology')}" in shown.getvalue()
    namespace = f"cluster.namespace.{whole.namespace('oncology')}"
    assert namespace in planned.changes.add
    # Between review and apply somebody makes one of them.
    body = {"apiVersion": "v1", "kind": "Namespace"}
    body["metadata"] = {"name": whole.namespace("oncology"), "labels": whole.target().labels}
    assert whole.api("POST", "/api/v1/namespaces", body).status == 201
    with pytest.raises(PlanFileError, match="is not what was reviewed"):
        infrastructure.apply(where, plan_file=where.plan_file)
    done = infrastructure.apply(where, expect=infrastructure.plan(where).digest)
    assert namespace in done.changes.change
    found = infrastructure.drift(where)
    assert not found.differs
    assert found.compared is not None
    assert found.compared > len(whole.target().manifests)
    path = f"/api/v1/namespaces/{whole.namespace('oncology')}/limitranges/container"
    assert whole.api("DELETE", path).status == 200
    assert infrastructure.drift(where).changes.add == (f"cluster.limitrange.{whole.namespace('oncology')}/container",)
    gone = infrastructure.destroy(where)
    assert {f"cluster.namespace.{whole.namespace(team)}" for team in ("oncology", "platform")} <= set(
        gone.changes.delete
    )
    assert whole.cluster.get(Ref("Namespace", None, whole.namespace("oncology"))) is None


@pytest.mark.slow
def test_a_protected_environment_keeps_its_namespaces(whole: Installation, tmp_path: Path) -> None:
    infrastructure.apply(_workspace(whole.platform, "production", tmp_path))
    remove_diabetes_care(whole.settings)
    where = _workspace(whole.platform, "production", tmp_path)
    namespace = whole.namespace("diabetes-care", "production")
    with pytest.raises(ProtectedEnvironmentError, match=rf"cluster\.namespace\.{namespace}"):
        infrastructure.apply(where)
    with pytest.raises(ProtectedEnvironmentError, match="protected: false"):
        infrastructure.destroy(where, confirm="production")
    assert whole.cluster.get(Ref("Namespace", None, namespace)) is not None
    assert namespace in str(infrastructure.apply(where, allow_delete=True).changes.delete)
    assert whole.cluster.get(Ref("Namespace", None, namespace)) is None
