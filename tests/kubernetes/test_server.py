"""The shared server in a real cluster: pods are killed, rolled and evicted while clients write, and nothing is lost."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from environments import SERVER, load_platform
from governance.images.build import SERVER_DOCKERFILE, write_server_context
from governance.server.mariadb import TemporaryMariaDb, missing_programs, temporary_mariadb
from stack_bootstrap.cluster.changes import apply_cluster, plan_cluster
from stack_bootstrap.cluster.connection import Cluster
from stack_bootstrap.cluster.render import ClusterTarget
from stack_bootstrap.workspace import workspace
from tests.conftest import copy_checkout, without_foreign_variables
from tests.kubernetes.api import Api
from tests.kubernetes.conftest import REGISTRY, Installation, install
from tests.kubernetes.runs.world import HOST, image_at_hand

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("the server in a cluster")]

PASSWORD = "first-administrator-1"


@pytest.fixture(scope="module")
def server_image(api: Api, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The server's image by digest, on the training image that is there: its packages are the same and more."""
    packages = image_at_hand()
    if packages is None:
        pytest.skip("an image is needed: the registry does not hold the training image of this checkout's lock")
    folder = tmp_path_factory.mktemp("server-image")
    write_server_context(folder, Path(__file__).parents[2] / "environments")
    tag = f"{REGISTRY}/groundwork-server:tests"
    arguments = (f"--build-arg=PACKAGES={packages}", "--build-arg=REVISION=tests")
    for command in (["build", "--file", str(SERVER_DOCKERFILE), "--tag", tag, *arguments, str(folder)], ["push", tag]):
        subprocess.run(["docker", *command], check=True, capture_output=True)
    inspected = subprocess.run(
        ["docker", "image", "inspect", "--format", "{{index .RepoDigests 0}}", tag],
        check=True,
        capture_output=True,
        text=True,
    )
    return inspected.stdout.strip()


@dataclass
class Writers:
    """Clients that write without pause, and what came of it."""

    url: str
    headers: dict[str, str]
    made: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    _ending: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Writers:
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(3)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _write(self, number: int) -> None:
        count = 0
        while not self._ending.wait(0.1):
            count += 1
            name = f"w{number}-{count}"
            try:
                answer = requests.post(
                    f"{self.url}/tags", json={"name": name, "color": "grey"}, headers=self.headers, timeout=60
                )
            except requests.RequestException as error:
                self.failed.append(f"{name}: {error}")
                continue
            if answer.ok:
                self.made.append(name)
            else:
                self.failed.append(f"{name}: {answer.status_code} {answer.text[:100]}")


@dataclass
class Deployed:
    """The server as it stands in the cluster."""

    installation: Installation
    cluster: Cluster
    kubeconfig: Path
    namespace: str

    @property
    def target(self) -> ClusterTarget:
        """What is rendered for it."""
        found = workspace(load_platform(self.installation.settings), SERVER, "kubernetes").cluster
        assert found is not None
        return found

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl in its namespace."""
        done = subprocess.run(
            ["kubectl", "--kubeconfig", str(self.kubeconfig), "--namespace", self.namespace, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or not check, (arguments, done.stderr)
        return done.stdout + done.stderr

    @property
    def url(self) -> str:
        """Where it answers from this machine, which is the cluster's node."""
        return "http://" + self.kubectl("get", "service", "zenml", "--output", "jsonpath={.spec.clusterIP}")

    def log_in(self) -> dict[str, str]:
        """Return the headers of its first administrator's requests."""
        login = {"username": "admin", "password": PASSWORD}
        told = requests.post(f"{self.url}/api/v1/login", data=login, timeout=60)
        return {"Authorization": f"Bearer {told.json()['access_token']}"}

    def asked(self, path: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return what it answers to its first administrator."""
        told = requests.get(f"{self.url}/api/v1/{path}", params=parameters, headers=self.log_in(), timeout=60)
        found: dict[str, Any] = told.json()
        return found

    def pods(self) -> list[str]:
        """Names of the pods that run and are not on their way out."""
        found = json.loads(self.kubectl("get", "pods", "--output", "json"))["items"]
        return [it["metadata"]["name"] for it in found if "deletionTimestamp" not in it["metadata"]]

    def wait(self) -> None:
        """Wait until every pod of the newest release answers and no other is left."""
        self.kubectl("rollout", "status", "deployment/zenml", "--timeout=600s")


@pytest.fixture(scope="module")
def database() -> Iterator[TemporaryMariaDb]:
    """An empty MariaDB where pods reach it."""
    if missing := missing_programs():
        pytest.skip(f"{' and '.join(missing)} are not on this machine")
    with temporary_mariadb(HOST) as server:
        yield server


@pytest.fixture(scope="module")
def deployed(
    api: Api,
    cluster: Cluster,
    server_image: str,
    database: TemporaryMariaDb,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Deployed]:
    """The server of a platform of this module's own, applied and up."""
    made = install(tmp_path_factory.mktemp("server"), api, cluster)
    address = database.address
    settings = {
        "stands_in": "production",
        "domain": "zenml.acme.example",
        "image": server_image,
        "kubernetes": {
            "clients": [f"{HOST}/32"],
            "cpu": 0.1,
            "memory": "1Gi",
            "database": {
                "host": address.host,
                "port": address.port,
                "user": address.user,
                "tls": False,
                "cidrs": [f"{HOST}/32"],
            },
        },
    }
    (made.settings / "server.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    found = Deployed(made, cluster, api.kubeconfig, f"{made.prefix}-platform-server")
    held = {
        "access_key": "of-no-store",
        "administrator_password": PASSWORD,
        "database_password": address.password,
        "encryption_key": "what-encrypts-the-values-of-secrets",
        "secret_key": "of-no-store",
        "token_key": "what-signs-every-login-and-is-long-enough",
    }
    secret: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "server"},
        "stringData": held,
    }
    try:
        apply_cluster(cluster, plan_cluster(cluster, found.target), found.target)
        found.kubectl("apply", "--filename", "-", stdin=json.dumps(secret))
        found.wait()
        yield found
    finally:
        made.remove()


def test_what_is_there_is_what_is_rendered_and_a_change_by_hand_is_seen(deployed: Deployed) -> None:
    assert not plan_cluster(deployed.cluster, deployed.target).differs
    deployed.kubectl("annotate", "deployment/zenml", "somebody=else")
    deployed.kubectl("patch", "poddisruptionbudget/zenml", "--patch", '{"spec": {"minAvailable": 0}}', "--type=merge")
    (change,) = plan_cluster(deployed.cluster, deployed.target).changes
    assert [str(it) for it in change.fields] == ["spec.minAvailable: 0 -> 1"]
    apply_cluster(deployed.cluster, plan_cluster(deployed.cluster, deployed.target), deployed.target)
    assert not plan_cluster(deployed.cluster, deployed.target).differs


def test_nothing_is_lost_when_pods_are_killed_rolled_and_evicted_while_clients_write(deployed: Deployed) -> None:
    with Writers(f"{deployed.url}/api/v1", deployed.log_in()) as writers:
        first, second = deployed.pods()
        deployed.kubectl("delete", "pod", first, "--grace-period=0", "--force")
        deployed.wait()
        assert second in deployed.pods()

        deployed.kubectl("rollout", "restart", "deployment/zenml")
        deployed.wait()
        deadline = time.monotonic() + 120
        while len(deployed.pods()) != 2 and time.monotonic() < deadline:
            time.sleep(0.5)
        third, fourth = deployed.pods()
        assert not {third, fourth} & {first, second}

        told = {}
        for pod in (third, fourth):
            eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
            path = f"/api/v1/namespaces/{deployed.namespace}/pods/{pod}/eviction"
            told[pod] = deployed.kubectl(
                "create", "--raw", path, "--filename", "-", stdin=json.dumps(eviction), check=False
            )
        assert "Success" in told[third]
        assert "would violate the pod's disruption budget" in told[fourth]
        time.sleep(2)
    assert writers.failed == []
    assert len(writers.made) > 50
    assert deployed.asked("tags", {"size": 1})["total"] == len(writers.made)


def test_a_training_goes_on_while_the_server_under_it_is_replaced(deployed: Deployed, tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path / "checkout")
    variables = {
        **without_foreign_variables(os.environ),
        "CLOUD": "local",
        "PYTHONUNBUFFERED": "1",
        "ZENML_CONFIG_PATH": str(tmp_path / "client"),
        "ZENML_STORE_URL": deployed.url,
        "ZENML_STORE_USERNAME": "admin",
        "ZENML_STORE_PASSWORD": PASSWORD,
    }

    def begin(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=checkout,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    for arguments in (("apply", "--env", "dev", "--yes"), ("register", "--env", "dev")):
        command = begin("governance.cli.infrastructure", *arguments)
        out, err = command.communicate(timeout=300)
        assert command.returncode == 0, (out, err)
    before = set(deployed.pods())
    training = begin("governance", "train", "--env", "dev", "--model", "breast_cancer_classifier")
    assert training.stdout is not None
    finished = (line for line in training.stdout if "finished in" in line)
    first = next(finished, None)
    deployed.kubectl("rollout", "restart", "deployment/zenml")
    second = next(finished, None)
    training.send_signal(signal.SIGSTOP)  # it would end before the last of the old pods does
    deployed.wait()
    training.send_signal(signal.SIGCONT)
    out, err = training.communicate(timeout=300)
    assert training.returncode == 0, (first, second, out, err)
    assert not before & set(deployed.pods())
    assert re.search(r"^Run \S+ completed: version 1 of breast_cancer_classifier", out, re.MULTILINE)
    (run,) = deployed.asked("runs", {"size": 5})["items"]
    assert run["body"]["status"] == "completed"
    steps = deployed.asked("steps", {"pipeline_run_id": run["id"], "size": 50})
    assert {step["body"]["status"] for step in steps["items"]} == {"completed"}
    assert steps["total"] > 6


def test_a_pod_writes_to_one_folder_and_reaches_no_api_server(deployed: Deployed) -> None:
    pod = deployed.pods()[0]
    settings = deployed.installation.platform.environment("production").kubernetes
    assert settings is not None
    address, port = settings.egress.api_server.cidrs[0].partition("/")[0], settings.egress.api_server.ports[0]
    socket.create_connection((address, port), 4).close()  # it is there
    tried = f"import socket; socket.create_connection(({address!r}, {port}), 4); print('reached')"
    told = deployed.kubectl("exec", pod, "--", "python", "-c", tried, check=False)
    assert "Error" in told
    assert "reached" not in told.splitlines()
    assert "Read-only file system" in deployed.kubectl(
        "exec", pod, "--", "python", "-c", "open('/app/anything', 'w')", check=False
    )
    deployed.kubectl("exec", pod, "--", "python", "-c", "open('/var/lib/groundwork/anything', 'w')")
