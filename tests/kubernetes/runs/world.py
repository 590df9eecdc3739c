"""A ZenML server, a bucket, and namespaces of a real cluster that stacks of a temporary ground run in."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
import yaml
from moto.server import ThreadedMotoServer

from environments.files import sha256_hex
from governance.core.provenance import lock_of
from governance.images.build import DOCKERFILE, write_context
from tests.conftest import REPOSITORY, copy_checkout, copy_settings, edit_yaml, without_foreign_variables
from tests.governance.served import free_port

HOST = "172.31.250.1"
"""Where pods reach this machine; see the cluster's script."""
PYTHON = REPOSITORY / ".venv-kubernetes" / "bin" / "python"
REGISTRY = "localhost:5000"
BASE = "debian-python:3.11"
BUCKET = "gwruns"
CANCER = "breast_cancer_classifier"

WORKLOAD = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get", "list", "create", "patch", "delete"]},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["delete"]},
]
CLIENT = [
    {"apiGroups": [""], "resources": ["pods", "events"], "verbs": ["list"]},
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get", "list", "create", "delete"]},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create", "delete"]},
]
"""What whoever submits may do. To follow a run, it also lists jobs and events."""


@dataclass
class Answer:
    """What a command came to."""

    status: int
    out: str
    err: str

    @property
    def told(self) -> str:
        return f"exit {self.status}\n{self.out}\n{self.err}"


@dataclass
class World:
    """One ground, whose environments run in namespaces of the cluster."""

    folder: Path
    admin: Path
    checkout: Path
    """A copy, whose configs a test may change."""
    settings: Path
    image: str
    variables: dict[str, str] = field(default_factory=dict)
    namespaces: dict[str, str] = field(default_factory=dict)
    """By environment."""

    def python(self, *arguments: str, cwd: Path | None = None) -> Answer:
        """Run a module where the packages of Kubernetes are."""
        done = subprocess.run(
            [str(PYTHON), "-m", *arguments],
            env=self.variables,
            cwd=cwd or self.checkout,
            capture_output=True,
            text=True,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def begin(self, command: str, environment: str = "dev", model: str = CANCER) -> subprocess.Popen[str]:
        """Begin a command that goes on while the test does something to it."""
        given = ("--env", environment, "--model", model, "--settings", str(self.settings))
        return subprocess.Popen(
            [str(PYTHON), "-m", "governance", command, *given],
            env=self.variables,
            cwd=self.checkout,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def governance(self, command: str, environment: str = "dev", model: str = CANCER, *more: str) -> Answer:
        return self.python(
            "governance", command, "--env", environment, "--model", model, "--settings", str(self.settings), *more
        )

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        done = subprocess.run(
            ["kubectl", "--kubeconfig", str(self.admin), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout

    def objects(self, kind: str, environment: str = "dev") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(
            self.kubectl("get", kind, "--namespace", self.namespaces[environment], "--output", "json")
        )["items"]
        return found

    def edit(self, environment: str, change: Any) -> None:
        edit_yaml(self.settings / f"{environment}.yaml", change)

    def log(self, run: str, environment: str = "dev") -> list[dict[str, Any]]:
        """Return what the audit log of an environment holds of a run, oldest first."""
        told = self.python(
            "governance.cli.audit", "list", "--env", environment, "--settings", str(self.settings), "--json"
        )
        assert told.status == 0, told.told
        return [entry for entry in json.loads(told.out) if entry.get("run") == run]

    def newest_run(self) -> tuple[str, str]:
        """Return name and status of the run that was begun last."""
        told = self.python("tests.kubernetes.runs.newest_run", cwd=REPOSITORY)
        name, status = told.out.split()[-2:]
        return name, status

    @contextmanager
    def config(self, resources: dict[str, Any]) -> Iterator[None]:
        """Have the steps of the model's training ask for ``resources`` inside the block."""
        file = self.checkout / "pipelines" / "configs" / f"{CANCER}.yaml"
        before = file.read_text(encoding="utf-8")
        edit_yaml(file, lambda raw: raw.update(resources={"training": resources}))
        try:
            yield
        finally:
            file.write_text(before, encoding="utf-8")

    @contextmanager
    def environment(self, **changes: Any) -> Iterator[None]:
        """Have the file of dev say something else inside the block."""
        file = self.settings / "dev.yaml"
        before = file.read_text(encoding="utf-8")
        edit_yaml(file, lambda raw: raw.update(changes))
        try:
            yield
        finally:
            file.write_text(before, encoding="utf-8")

    def wait_for_pod(self, step: str, phase: str, seconds: float = 120) -> dict[str, Any]:
        """Return the youngest pod of ``step`` once it is in ``phase``."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            pods = [
                pod
                for pod in self.objects("pods")
                if pod["metadata"]["labels"].get("step_name") == step and pod["status"]["phase"] == phase
            ]
            if pods:
                return max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
            time.sleep(0.3)
        raise AssertionError(f"no pod of {step} was {phase} within {seconds} s")


def manifests(namespace: str, *, restricted: bool = True) -> str:
    """Return the YAML of a namespace with the smallest rights that runs need."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"} if restricted else {}
    objects: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}
    ]
    for name, rules in (("workload", WORKLOAD), ("client", CLIENT)):
        meta = {"name": name, "namespace": namespace}
        objects += [
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
            {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": meta, "rules": rules},
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": meta,
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
                "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
            },
        ]
    return yaml.safe_dump_all(objects)


def _tag() -> str:
    return f"{REGISTRY}/groundwork-training:lock-{sha256_hex(lock_of('kubernetes').read_bytes())[:12]}"


def image_at_hand() -> str | None:
    """Return the training image of this checkout's lock by digest, if the registry holds it."""
    name, _, tag = _tag().removeprefix(f"{REGISTRY}/").partition(":")
    try:
        head = requests.head(
            f"http://{REGISTRY}/v2/{name}/manifests/{tag}",
            headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
            timeout=5,
        )
    except requests.ConnectionError:
        pytest.skip(f"a registry is needed, and {REGISTRY} does not answer")
    return f"{REGISTRY}/{name}@{head.headers['Docker-Content-Digest']}" if head.ok else None


def build_image(folder: Path) -> str:
    """Build the training image as `make image` does, on the base that is there, and push it; minutes."""
    if subprocess.run(["docker", "image", "inspect", BASE], capture_output=True, check=False).returncode:
        pytest.skip(f"an image is needed, and there is no {BASE} to build it on")
    folder.mkdir()
    write_context("training", folder, lock_of("kubernetes"))
    arguments = [f"--build-arg={given}" for given in (f"BASE={BASE}", "KIND=training", "REVISION=tests")]
    for command in (["build", "--file", str(DOCKERFILE), "--tag", _tag(), *arguments, str(folder)], ["push", _tag()]):
        subprocess.run(["docker", *command], check=True, capture_output=True)
    built = image_at_hand()
    assert built is not None
    return built


@contextmanager
def zenml_server(folder: Path) -> Iterator[dict[str, str]]:
    """Serve ZenML where pods reach it; yield the variables by which commands use it."""
    port, password = free_port(), "for-tests-only-1"
    url = f"http://{HOST}:{port}"
    variables = {
        **without_foreign_variables(os.environ),
        "ZENML_CONFIG_PATH": str(folder / "server"),
        "ZENML_SERVER": "true",
        "ZENML_SERVER_AUTO_ACTIVATE": "true",
        "ZENML_SERVER_AUTH_SCHEME": "OAUTH2_PASSWORD_BEARER",
        "ZENML_SERVER_DEPLOYMENT_TYPE": "other",
        "ZENML_SERVER_JWT_SECRET_KEY": secrets.token_hex(32),
        "ZENML_DEFAULT_USER_NAME": "admin",
        "ZENML_DEFAULT_USER_PASSWORD": password,
        "ZENML_ANALYTICS_OPT_IN": "false",
        "ZENML_STORE_URL": f"sqlite:///{folder / 'zenml.db'}",
        "ZENML_STORE_TYPE": "sql",
    }
    command = [str(PYTHON), "-m", "uvicorn", "zenml.zen_server.zen_server_api:app", "--host", HOST, "--port", str(port)]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen([*command, "--no-access-log"], env=variables, stdout=log, stderr=log)
    try:
        for _ in range(120):
            try:
                if requests.get(f"{url}/health", timeout=2).ok:
                    break
            except requests.RequestException:
                assert server.poll() is None, (folder / "server.log").read_text()[-3000:]
            time.sleep(1)
        told = requests.post(f"{url}/api/v1/login", data={"username": "admin", "password": password}, timeout=30)
        bearer = {"Authorization": f"Bearer {told.json()['access_token']}"}
        account = requests.post(
            f"{url}/api/v1/service_accounts", json={"name": "commands", "active": True}, headers=bearer, timeout=30
        ).json()["id"]
        key = requests.post(
            f"{url}/api/v1/service_accounts/{account}/api_keys", json={"name": "key"}, headers=bearer, timeout=30
        ).json()["body"]["key"]
        yield {"ZENML_STORE_URL": url, "ZENML_STORE_API_KEY": key, "ZENML_CONFIG_PATH": str(folder / "client")}
    finally:
        server.terminate()
        server.wait(20)


@contextmanager
def bucket(endpoint_port: int) -> Iterator[str]:
    """Serve an S3 bucket where pods reach it; yield its endpoint."""
    server = ThreadedMotoServer(ip_address=HOST, port=endpoint_port, verbose=False)
    server.start()
    endpoint = f"http://{HOST}:{endpoint_port}"
    try:
        boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            region_name="us-east-1",
        ).create_bucket(Bucket=BUCKET)
        yield endpoint
    finally:
        server.stop()


def client_kubeconfig(world: World, namespace: str, file: Path) -> None:
    """Write a kubeconfig that may do what the service account ``client`` may, and nothing else."""
    admin = yaml.safe_load(world.admin.read_text(encoding="utf-8"))
    token = world.kubectl("create", "token", "client", "--namespace", namespace, "--duration", "2h").strip()
    admin["users"] = [{"name": "client", "user": {"token": token}}]
    admin["contexts"] = [
        {
            "name": "groundwork",
            "context": {"cluster": admin["clusters"][0]["name"], "user": "client", "namespace": namespace},
        }
    ]
    admin["current-context"] = "groundwork"
    file.write_text(yaml.safe_dump(admin), encoding="utf-8")


@contextmanager
def world(folder: Path, admin: Path, image: str, environments: tuple[str, ...] = ("dev",)) -> Iterator[World]:
    """Lay a ground whose environments run in namespaces of the cluster; remove them afterwards."""
    made = World(folder, admin, copy_checkout(folder / "checkout"), copy_settings(folder), image)
    mark = secrets.token_hex(3)
    made.namespaces = {environment: f"gwruns-{mark}-{environment}" for environment in environments}
    with zenml_server(folder) as server, bucket(free_port()) as endpoint:
        made.variables = {
            **without_foreign_variables(os.environ),
            **server,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "KUBECONFIG": str(folder / "client.conf"),
            "ZENML_CUSTOM_SOURCE_ROOT": str(made.checkout),
            "PYTHONDONTWRITEBYTECODE": "",
            "GIT_AUTHOR_EMAIL": "trainer@example.com",
        }
        try:
            made.kubectl("apply", "--filename", "-", stdin="---\n".join(manifests(n) for n in made.namespaces.values()))
            client_kubeconfig(made, made.namespaces["dev"], folder / "client.conf")
            for environment in environments:
                made.edit(environment, lambda raw: raw.update(images={"training": image, "inference": image}))
                for module, command in (("stack_bootstrap", "apply"), ("stack_bootstrap", "register")):
                    told = made.python(module, command, "--env", environment, "--settings", str(made.settings))
                    assert told.status == 0, told.told
            stacks = {f"local-oncology-{environment}": namespace for environment, namespace in made.namespaces.items()}
            config = folder / "swap.json"
            wanted = {
                "stacks": stacks,
                "context": "groundwork",
                "endpoint": endpoint,
                "bucket": BUCKET,
                "key": "testing",
                "secret": "testing",
                "registry": REGISTRY,
                "restricted": True,
            }
            config.write_text(json.dumps(wanted), encoding="utf-8")
            told = made.python("tests.kubernetes.runs.swap_stacks", str(config), cwd=REPOSITORY)
            assert told.status == 0, told.told
            yield made
        finally:
            for namespace in made.namespaces.values():
                made.kubectl("delete", "namespace", namespace, "--ignore-not-found", "--wait=false")
