"""A real cluster, and namespaces in it that are a test's own.

``GROUNDWORK_KUBECONFIG`` names the kubeconfig of a cluster that may be worked on. ``KUBECONFIG`` does not: that may be
the cluster of somebody's company.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from environments import Platform, load_platform
from environments.errors import ExpectedError
from stack_bootstrap.clouds import adapter_for
from stack_bootstrap.cluster.changes import apply_cluster, plan_cluster
from stack_bootstrap.cluster.connection import Cluster
from stack_bootstrap.cluster.render import ClusterTarget
from tests.conftest import copy_settings, edit_yaml
from tests.kubernetes.api import Api, pod, until

VARIABLE = "GROUNDWORK_KUBECONFIG"
REGISTRY = "localhost:5000"
"""Where the cluster's nodes pull from without TLS."""


@pytest.fixture(scope="session")
def api() -> Iterator[Api]:
    """The cluster with an administrator's rights; ``KUBECONFIG`` names it to everything that is run in this session."""
    found = cluster_at_hand()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(found.kubeconfig))
        yield found


def cluster_at_hand() -> Api:
    """Return the cluster that may be worked on, or skip where there is none."""
    pytest.importorskip("kubernetes", reason="the cluster's client library is needed")
    named = os.environ.get(VARIABLE)
    if not named:
        pytest.skip(f"a cluster is needed: {VARIABLE} names no kubeconfig of one that may be worked on")
    kubeconfig = Path(named)
    context = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))["current-context"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(kubeconfig))
        try:
            Cluster(context).list_objects("Namespace")
        except ExpectedError as error:
            pytest.skip(f"a cluster is needed: {error}")
    return Api(kubeconfig, context)


@pytest.fixture(scope="session")
def cluster(api: Api) -> Cluster:
    """The same cluster as our own code sees it."""
    return Cluster(api.context)


@dataclass
class Installation:
    """Settings of a platform of a test's own, whose namespaces nobody else has."""

    settings: Path
    prefix: str
    api: Api
    cluster: Cluster

    @property
    def platform(self) -> Platform:
        """The settings as they are now."""
        return load_platform(self.settings)

    def target(self, environment: str = "dev") -> ClusterTarget:
        """The cluster of ``environment`` with everything that its settings render."""
        platform = self.platform
        target = adapter_for("kubernetes").cluster(platform, platform.environment(environment))
        assert target is not None
        return target

    def apply(self, environment: str = "dev") -> None:
        """Bring the cluster level with the settings of ``environment``."""
        target = self.target(environment)
        apply_cluster(self.cluster, plan_cluster(self.cluster, target), target)

    def namespace(self, team: str, environment: str = "dev") -> str:
        """The namespace of ``team``."""
        return f"{self.prefix}-{team}-{environment}"

    def remove(self) -> None:
        """Delete every namespace of this installation, without waiting."""
        for found in self.api("GET", "/api/v1/namespaces").body["items"]:
            if found["metadata"]["name"].startswith(f"{self.prefix}-"):
                self.api("DELETE", f"/api/v1/namespaces/{found['metadata']['name']}")


def install(folder: Path, api: Api, cluster: Cluster) -> Installation:
    """Copy the settings, with a prefix that nobody has and the addresses of ``cluster``."""
    return install_into(copy_settings(folder), api, cluster)


def install_into(settings: Path, api: Api, cluster: Cluster) -> Installation:
    """Give ``settings``, of a test's own, a prefix that nobody has and the addresses of ``cluster``."""
    prefix = f"gwinfra-{uuid.uuid4().hex[:5]}"
    slice_ = api("GET", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes").body
    address, port = slice_["endpoints"][0]["addresses"][0], slice_["ports"][0]["port"]
    # A cluster without pods for names has them answered on the node.
    served = api("GET", "/api/v1/namespaces/kube-system/pods?labelSelector=k8s-app%3Dkube-dns").body["items"]
    names = {} if served else {"dns": {"cidrs": [f"{address}/32"], "ports": [53]}}

    def describe(raw: dict[str, Any]) -> None:
        raw["prefix"] = prefix
        raw["kubernetes"]["context"] = api.context
        raw["kubernetes"]["egress"].update(names, api_server={"cidrs": [f"{address}/32"], "ports": [port]})

    for name in ("dev", "staging", "production"):
        edit_yaml(settings / f"{name}.yaml", describe)
    return Installation(settings, prefix, api, cluster)


@pytest.fixture
def installation(tmp_path: Path, api: Api, cluster: Cluster) -> Iterator[Installation]:
    """A platform of this test's own, of which nothing is applied yet."""
    made = install(tmp_path, api, cluster)
    yield made
    made.remove()


@pytest.fixture(scope="session")
def applied(tmp_path_factory: pytest.TempPathFactory, api: Api, cluster: Cluster) -> Iterator[Installation]:
    """``dev`` of a platform, applied; tests of it change nothing that they do not put back."""
    made = install(tmp_path_factory.mktemp("cluster"), api, cluster)
    made.apply()
    yield made
    made.remove()


@pytest.fixture(scope="session")
def image(api: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An image with Python that the cluster's nodes can pull."""
    local, there = "debian-python:3.11", f"{REGISTRY}/debian-python:3.11"
    if (
        not shutil.which("docker")
        or subprocess.run(["docker", "image", "inspect", local], capture_output=True).returncode
    ):
        pytest.skip(f"pods need an image: Docker has no {local}")
    registry = None
    if not _answers():
        if not shutil.which("docker-registry"):
            pytest.skip(
                f"pods need a registry: nothing answers at {REGISTRY}, and there is no docker-registry to start"
            )
        folder = tmp_path_factory.mktemp("registry")
        (folder / "config.yml").write_text(
            f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}}}}}\nhttp: {{addr: ':5000'}}\n", "utf-8"
        )
        with (folder / "log").open("wb") as log:
            registry = subprocess.Popen(["docker-registry", "serve", folder / "config.yml"], stdout=log, stderr=log)
    try:
        for arguments in (["tag", local, there], ["push", "--quiet", there]):
            subprocess.run(["docker", *arguments], check=True, capture_output=True, timeout=300)
        _require_pods(api, there)
        yield there
    finally:
        if registry is not None:
            registry.terminate()
            registry.wait(timeout=10)


def _require_pods(api: Api, image: str, seconds: float = 120) -> None:
    """Skip where no pod starts, as on a node whose disk is full: every test of runs would wait for its deadline."""
    pods, name = "/api/v1/namespaces/default/pods", f"starts-{uuid.uuid4().hex[:5]}"
    asked = pod(name, image, ["true"])
    asked["spec"]["serviceAccountName"] = "default"
    answer = api("POST", pods, asked)
    assert answer.status == 201, answer.said
    try:
        until(lambda: api("GET", f"{pods}/{name}").body["status"]["phase"] == "Succeeded", "a pod ends well", seconds)
    except AssertionError:
        events = api("GET", f"/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3D{name}").body[
            "items"
        ]
        said = events[-1]["message"] if events else "the cluster says nothing of it"
        pytest.skip(f"a cluster is needed whose pods start, and this one's did not within {seconds:.0f} s: {said}")
    finally:
        api("DELETE", f"{pods}/{name}")


def _answers() -> bool:
    try:
        urllib.request.urlopen(f"http://{REGISTRY}/v2/", timeout=5).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def orchestrator(api: Api, monkeypatch_module: pytest.MonkeyPatch) -> Iterator[Any]:
    """ZenML's orchestrator in a namespace of its own."""
    from zenml.enums import StackComponentType
    from zenml.integrations.kubernetes.flavors import KubernetesOrchestratorConfig
    from zenml.integrations.kubernetes.orchestrators import KubernetesOrchestrator

    namespace, now = f"gwsched-{uuid.uuid4().hex[:5]}", datetime.now(UTC)
    assert api("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}}).status == 201
    # The client library looks once, when it is imported, which kubeconfig is meant.
    monkeypatch_module.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(api.kubeconfig))
    yield KubernetesOrchestrator(
        name="nightly",
        id=uuid.uuid4(),
        config=KubernetesOrchestratorConfig(kubernetes_context=api.context, kubernetes_namespace=namespace),
        flavor="kubernetes",
        type=StackComponentType.ORCHESTRATOR,
        user=None,
        created=now,
        updated=now,
    )
    api("DELETE", f"/api/v1/namespaces/{namespace}")
