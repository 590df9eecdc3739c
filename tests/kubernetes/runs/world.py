"""A platform of its own on a real cluster: a checkout that is applied and registered, ZenML's server, an S3 store.

Nothing here stands in for what the platform gives: namespaces, Roles, limits, network policies, buckets and stacks are
those of ``make apply`` and ``make register``, and commands run with what the account ``client`` of one team may do.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
import requests
import yaml
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from environments.files import sha256_hex
from governance.audit import current_identity
from governance.core.provenance import lock_of
from governance.images.build import DOCKERFILE, write_context
from governance.signing.people import principal_of
from stack_bootstrap.cluster.connection import Cluster
from tests.conftest import REPOSITORY, copy_checkout, edit_yaml, without_foreign_variables
from tests.governance.served import free_port
from tests.kubernetes.api import Api
from tests.kubernetes.conftest import REGISTRY, Installation, install_into

HOST = "172.31.250.1"
"""Where pods reach this machine; see the cluster's script."""
PYTHON = REPOSITORY / ".venv-kubernetes" / "bin" / "python"
BASE = "debian-python:3.11"
ENVIRONMENTS = ("dev", "staging", "production")
CANCER, DIABETES = "breast_cancer_classifier", "diabetes_progression_classifier"
TEAMS = {CANCER: "oncology", DIABETES: "diabetes-care"}
TRAINER, APPROVER = "grace@example.com", "edsger@example.com"
"""Who runs the commands, and who agrees to what they ask for."""
OTHERS = ("katherine@example.com", "donald@example.com")
"""Who asks and agrees for the other team."""
OWN_POD = b"kubernetes_orchestrator_entrypoint"
"""What the process of the pod that starts a run's steps is known by."""
all_runs = pytest.mark.skipif(
    not os.environ.get("ALL_RUNS"),
    reason="takes minutes in the cluster, more than the hour of CI has beside the rest: ALL_RUNS=1",
)


@dataclass
class Answer:
    """What a command came to."""

    status: int
    out: str
    err: str

    @property
    def told(self) -> str:
        return f"exit {self.status}\n{self.out}\n{self.err}"

    @property
    def version(self) -> str:
        """The model version that a run which completed made or used, as the command says."""
        found = re.search(r"^Run \S+ completed: version (\d+) of ", self.out, re.MULTILINE)
        assert found, self.told
        return found[1]

    def ended_well(self) -> Answer:
        """Return the same, if the command did."""
        assert self.status == 0, self.told
        return self


class Trained(NamedTuple):
    """A training that ended well."""

    run: str
    version: str
    out: str
    """What the command printed."""


@dataclass
class World:
    """One platform, whose environments run in namespaces of the cluster."""

    folder: Path
    checkout: Path
    """A repository of its own, whose settings and configs a test may change."""
    installation: Installation
    image: str
    environments: tuple[str, ...] = ENVIRONMENTS
    zenml_port: int = field(default_factory=free_port)
    services: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def store_port(self) -> int:
        """The store's, which is free as the few after a free one are; drawn by itself it was once ZenML's."""
        return self.zenml_port + 1

    @property
    def settings(self) -> Path:
        return self.checkout / "environments"

    def namespace(self, environment: str = "dev", model: str = CANCER) -> str:
        return self.installation.namespace(TEAMS[model], environment)

    def _as_client(self, environment: str, model: str) -> dict[str, str]:
        """Return the variables of somebody who may do what their team's client account may, and nothing else."""
        return {**self.variables, "KUBECONFIG": str(self.folder / f"{self.namespace(environment, model)}.conf")}

    def python(self, *arguments: str, cwd: Path | None = None, variables: dict[str, str] | None = None) -> Answer:
        """Run a module where the packages of Kubernetes are."""
        done = subprocess.run(
            [str(PYTHON), "-m", *arguments],
            env=variables or self.variables,
            cwd=cwd or self.checkout,
            capture_output=True,
            text=True,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def administer(
        self,
        command: str,
        *arguments: str,
        environments: tuple[str, ...] | None = None,
        module: str = "governance.cli.infrastructure",
    ) -> Answer:
        """Do to ``environments``, or to all, what the platform's administrators do."""
        kubeconfig = {**self.variables, "KUBECONFIG": str(self.installation.api.kubeconfig)}
        where = [part for name in environments or self.environments for part in ("--env", name)]
        return self.python(module, command, *where, *arguments, variables=kubeconfig).ended_well()

    def begin(self, command: str, environment: str = "dev", model: str = CANCER, *more: str) -> subprocess.Popen[str]:
        """Begin a command that goes on while the test does something to it."""
        return subprocess.Popen(
            [str(PYTHON), "-m", "governance", *_asked(command, environment, model), *more],
            env=self._as_client(environment, model),
            cwd=self.checkout,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def ended(self, command: subprocess.Popen[str], seconds: float = 600) -> Answer:
        """Return what a command that was begun came to."""
        out, err = command.communicate(timeout=seconds)
        return Answer(command.returncode, out, err)

    def governance(self, command: str, environment: str = "dev", model: str = CANCER, *more: str) -> Answer:
        """Run a command as somebody of the model's team does."""
        arguments = (*_asked(command, environment, model), *more)
        return self.python("governance", *arguments, variables=self._as_client(environment, model))

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        done = subprocess.run(
            ["kubectl", "--kubeconfig", str(self.installation.api.kubeconfig), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout

    def objects(self, kind: str, environment: str = "dev", model: str = CANCER) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(
            self.kubectl("get", kind, "--namespace", self.namespace(environment, model), "--output", "json")
        )["items"]
        return found

    def events(self, environment: str = "dev") -> list[dict[str, Any]]:
        """Return what the audit log of an environment holds, oldest first."""
        told = self.python("governance.cli.audit", "list", "--env", environment, "--json").ended_well()
        found: list[dict[str, Any]] = json.loads(told.out)
        return found

    def log(self, run: str, environment: str = "dev") -> list[dict[str, Any]]:
        """Return what the audit log of an environment holds of a run, oldest first."""
        return [entry for entry in self.events(environment) if entry.get("run") == run]

    def newest_run(self) -> tuple[str, str]:
        """Return name and status of the run that was begun last."""
        told = self.python("tests.kubernetes.runs.newest_run", cwd=REPOSITORY)
        name, status = told.out.split()[-2:]
        return name, status

    @contextmanager
    def config(self, resources: dict[str, Any], pipeline: str = "training") -> Iterator[None]:
        """Have the steps of a pipeline of the model's ask for ``resources`` inside the block."""
        with _edited(
            self.checkout / "pipelines" / "configs" / f"{CANCER}.yaml",
            lambda raw: raw.update(resources={pipeline: resources}),
        ):
            yield

    @contextmanager
    def environment(self, **changes: Any) -> Iterator[None]:
        """Have the file of dev say something else inside the block; what is a mapping there is added to."""

        def change(raw: dict[str, Any]) -> None:
            for name, value in changes.items():
                raw[name] = {**raw.get(name, {}), **value} if isinstance(value, dict) else value

        with _edited(self.settings / "dev.yaml", change):
            yield

    def _wait_for_running_pod(self, step: str) -> dict[str, Any]:

        def found() -> dict[str, Any] | None:
            pods = [
                pod
                for pod in self.objects("pods")
                if pod["metadata"]["labels"].get("step_name") == step and pod["status"]["phase"] == "Running"
            ]
            return max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), default=None)

        pod: dict[str, Any] = wait_for(f"a running pod of {step}", found, 60, every=0.3)
        return pod

    def cluster_settings(self, environment: str = "dev") -> dict[str, Any]:
        """Return what the file of an environment says of its cluster."""
        found: dict[str, Any] = yaml.safe_load((self.settings / f"{environment}.yaml").read_text(encoding="utf-8"))
        return dict(found["kubernetes"])

    def bucket(self, environment: str = "dev", model: str = CANCER) -> str:
        """Return the bucket of the artifacts of the model's team."""
        return f"{self.installation.prefix}-{TEAMS[model]}-{environment}-artifacts"

    @property
    def s3(self) -> Any:
        """The store, past everything of ours."""
        return boto3.client(
            "s3",
            endpoint_url=f"http://{HOST}:{self.store_port}",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            region_name="us-east-1",
        )

    def pods_of(self, run: str, environment: str = "dev") -> list[dict[str, Any]]:
        """Return all pods of ``run``."""
        pods = self.objects("pods", environment)
        return [pod for pod in pods if pod["metadata"]["labels"].get("run_name") == run]

    def hold_step(self, step: str, seconds: float = 120) -> dict[str, Any]:
        """Stop a step as soon as it begins, as a quick one would end before anything is done to it; return its pod."""
        for process in wait_for(f"a process of {step}", lambda: self._processes(_of(step)), seconds, every=0.05):
            os.kill(process, signal.SIGSTOP)
        return self._wait_for_running_pod(step)

    def release_step(self, step: str) -> None:
        """Let a step that is held go on."""
        self._signal(_of(step), signal.SIGCONT)

    def kill_step(self, step: str) -> None:
        """Kill a step that is held."""
        self._signal(_of(step), signal.SIGKILL)

    def kill_own_pod(self) -> None:
        """Kill what starts the steps of the run that goes on."""
        self._signal(OWN_POD, signal.SIGKILL)

    def evict(self, pod: dict[str, Any]) -> None:
        """Take a pod off its node, as draining that does."""
        meta = {name: pod["metadata"][name] for name in ("name", "namespace")}
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": meta}
        where = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/eviction"
        self.kubectl("create", "--raw", where, "--filename", "-", stdin=json.dumps(eviction))

    def _signal(self, arguments: bytes, sent: signal.Signals) -> None:
        found = self._processes(arguments)
        assert found, f"no process with {arguments!r}"
        for process in found:
            os.kill(process, sent)

    def _processes(self, arguments: bytes) -> list[int]:
        """Return the processes of pods with ``arguments``, which run on this machine as the cluster's node does."""
        url = f"ZENML_STORE_URL={self.variables['ZENML_STORE_URL']}".encode()
        numbered = (folder for folder in Path("/proc").iterdir() if folder.name.isdigit())
        return [int(folder.name) for folder in numbered if _holds(folder, arguments, url)]

    @contextmanager
    def away(self, *services: str) -> Iterator[None]:
        """Have ``services`` (``zenml``, ``store``) answer nothing inside the block."""
        for name in services:
            self.services[name].send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for name in services:
                self.services[name].send_signal(signal.SIGCONT)

    @contextmanager
    def gone(self, service: str) -> Iterator[None]:
        """Have nobody listen where ``service`` (``zenml``, ``store``) is, for pods and commands, inside the block."""
        port = {"zenml": self.zenml_port, "store": self.store_port}[service]
        rule = ["INPUT", "--protocol", "tcp", "--dport", str(port), "--jump", "REJECT", "--reject-with", "tcp-reset"]
        subprocess.run(["iptables", "--wait", "--insert", *rule], check=True)
        try:
            yield
        finally:
            subprocess.run(["iptables", "--wait", "--delete", *rule], check=True)

    @contextmanager
    def api_away(self) -> Iterator[None]:
        """Have the cluster's API server, a process of this machine, answer nothing inside the block.

        Its controllers and scheduler end when they cannot renew their lease; they are begun again, as a kubelet does.
        """
        (server,) = _programs(b"kube-apiserver")
        others = _programs(b"kube-controller-manager") | _programs(b"kube-scheduler")
        os.kill(server, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(server, signal.SIGCONT)
            for process, command in others.items():
                if not _runs(Path(f"/proc/{process}"), command[0]):
                    silent = subprocess.DEVNULL
                    subprocess.Popen(command, start_new_session=True, stdout=silent, stderr=silent)

    def leftovers(self, environment: str = "dev") -> list[str]:
        """Name secrets of runs, and jobs that go on and are not on their way out, once they had time to end."""
        with suppress(TimeoutError):
            wait_for("an end", lambda: not self._left(environment), 20, every=0.5)
        return self._left(environment)

    def _left(self, environment: str) -> list[str]:
        held = [secret["metadata"]["name"] for secret in self.objects("secrets", environment)]
        jobs = [
            job["metadata"]["name"]
            for job in self.objects("jobs", environment)
            if not job["status"].get("conditions") and "deletionTimestamp" not in job["metadata"]
        ]
        return [name for name in held if name.startswith("zenml-token")] + jobs


def wait_for(what: str, found: Callable[[], Any], seconds: float, every: float = 3) -> Any:
    """Return what ``found`` finds once it finds something."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if value := found():
            return value
        time.sleep(every)
    raise TimeoutError(f"{what} did not come within {seconds} s")


def _asked(command: str, environment: str, model: str) -> tuple[str, ...]:
    return (command, "--to" if command in ("approve", "promote") else "--env", environment, "--model", model)


def _of(step: str) -> bytes:
    """Return the arguments by which the process of a step is known."""
    return f"--step_name\0{step}\0".encode()


def _programs(program: bytes) -> dict[int, list[bytes]]:
    """Return the command by which each process of ``program`` was begun."""
    numbered = (folder for folder in Path("/proc").iterdir() if folder.name.isdigit())
    found = {int(folder.name): _command(folder) for folder in numbered}
    return {process: command for process, command in found.items() if command[0].endswith(b"/" + program)}


def _runs(process: Path, program: bytes) -> bool:
    return _command(process)[0] == program


def _command(process: Path) -> list[bytes]:
    try:
        return (process / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:  # it ended meanwhile
        return [b""]


def _holds(process: Path, arguments: bytes, variable: bytes) -> bool:
    try:
        return arguments in (process / "cmdline").read_bytes() and variable in (process / "environ").read_bytes()
    except OSError:  # it ended meanwhile
        return False


@contextmanager
def _edited(file: Path, change: Callable[[dict[str, Any]], object]) -> Iterator[None]:
    before = file.read_text(encoding="utf-8")
    edit_yaml(file, change)
    try:
        yield
    finally:
        file.write_text(before, encoding="utf-8")


def _tag() -> str:
    made_from = lock_of("kubernetes").read_bytes() + DOCKERFILE.read_bytes()
    return f"{REGISTRY}/groundwork-training:of-{sha256_hex(made_from)[:12]}"


def image_at_hand() -> str | None:
    """Return the training image of this checkout's lock and Dockerfile by digest, if the registry holds it."""
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
def zenml_server(folder: Path, port: int, services: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Serve ZenML where pods reach it; yield the variables by which commands use it."""
    password, url = "for-tests-only-1", f"http://{HOST}:{port}"
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
    services["zenml"] = server
    try:
        wait_for("ZenML's server", lambda: _answers(f"{url}/health") or server.poll() is not None, 120, every=0.5)
        assert server.poll() is None, (folder / "server.log").read_text()[-3000:]
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
def s3_store(folder: Path, port: int, services: dict[str, Any]) -> Iterator[str]:
    """Serve S3 where pods reach it, in a process of its own; yield its endpoint."""
    with (folder / "store.log").open("wb") as log:
        command = [sys.executable, "-m", "moto.server", "--host", HOST, "--port", str(port)]
        server = subprocess.Popen(command, stdout=log, stderr=log)
    services["store"] = server
    endpoint = f"http://{HOST}:{port}"
    try:
        wait_for("the store", lambda: _answers(endpoint) or server.poll() is not None, 60, every=0.3)
        assert server.poll() is None, (folder / "store.log").read_text()[-3000:]
        yield endpoint
    finally:
        server.terminate()
        server.wait(20)


def _answers(url: str) -> bool:
    with suppress(requests.RequestException):
        return requests.get(url, timeout=2).status_code < 500
    return False


def _describe(world: World) -> None:
    """Write into the settings where ZenML and the store are, which image runs, and who is who."""

    def describe(raw: dict[str, Any]) -> None:
        raw["images"] = {"training": world.image, "inference": world.image}
        raw["kubernetes"]["registry"]["uri"] = REGISTRY
        raw["kubernetes"]["store"]["endpoint"] = f"http://{HOST}:{world.store_port}"
        for name, port in (("zenml_server", world.zenml_port), ("store", world.store_port)):
            raw["kubernetes"]["egress"][name] = {"cidrs": [f"{HOST}/32"], "ports": [port]}

    for environment in ENVIRONMENTS:
        edit_yaml(world.settings / f"{environment}.yaml", describe)
    keys = world.folder / "people"
    keys.mkdir()
    people: dict[str, Any] = {TRAINER: {"accounts": [principal_of(current_identity())]}}
    for email in (APPROVER, *OTHERS):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(keys / email)], check=True)
        people[email] = {"keys": [{"key": (keys / f"{email}.pub").read_text(encoding="utf-8").strip()}]}
    edit_yaml(world.settings / "people.yaml", lambda raw: raw["people"].update(people))
    signing = ec.generate_private_key(ec.SECP256R1())
    private, public = world.folder / "keys" / "models-kubernetes-dev.pem", world.settings / "model_keys"
    private.parent.mkdir(mode=0o700)
    private.touch(mode=0o600)
    private.write_bytes(signing.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.mkdir()
    (public / "kubernetes-dev.pub").write_bytes(
        signing.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )


def commit(checkout: Path) -> None:
    """Commit everything in ``checkout``: where models are staged nothing else counts."""
    who = ("-c", "user.name=Grace", "-c", f"user.email={TRAINER}")
    for arguments in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "Settings")):
        subprocess.run(["git", "-C", str(checkout), *who, *arguments], check=True)


def _client_kubeconfig(world: World, namespace: str) -> None:
    """Write a kubeconfig that may do what the account ``client`` of ``namespace`` may."""
    api = world.installation.api
    raw = yaml.safe_load(api.kubeconfig.read_text(encoding="utf-8"))
    token = world.kubectl("create", "token", "client", "--namespace", namespace, "--duration", "3h").strip()
    context = {"cluster": raw["clusters"][0]["name"], "user": "client", "namespace": namespace}
    raw["users"] = [{"name": "client", "user": {"token": token}}]
    raw["contexts"] = [{"name": api.context, "context": context}]
    raw["current-context"] = api.context
    (world.folder / f"{namespace}.conf").write_text(yaml.safe_dump(raw), encoding="utf-8")


@contextmanager
def world(folder: Path, api: Api, image: str, environments: tuple[str, ...] = ENVIRONMENTS) -> Iterator[World]:
    """Apply and register a platform of two teams in ``environments``; remove it afterwards."""
    checkout = copy_checkout(folder / "checkout")
    (checkout / ".gitignore").write_bytes((REPOSITORY / ".gitignore").read_bytes())
    installation = install_into(checkout / "environments", api, Cluster(api.context))
    made = World(folder, checkout, installation, image, environments)
    with ExitStack() as until_the_end:
        server = until_the_end.enter_context(zenml_server(folder, made.zenml_port, made.services))
        until_the_end.enter_context(s3_store(folder, made.store_port, made.services))
        until_the_end.callback(made.installation.remove)
        _describe(made)
        commit(checkout)
        stores = (f"{team}{environment.upper()}_STORE" for team in ("ONCOLOGY_", "DIABETES_CARE_", "")
                  for environment in ENVIRONMENTS)  # fmt: skip
        made.variables = {
            **without_foreign_variables(os.environ),
            **server,
            **dict.fromkeys(stores, json.dumps({"key": "testing", "secret": "testing"})),
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "CLOUD": "kubernetes",
            "GROUNDWORK_ENVIRONMENTS": str(made.settings),
            "GROUNDWORK_MODEL_KEYS": str(folder / "keys"),
            "PYTHONDONTWRITEBYTECODE": "",
            "ZENML_CUSTOM_SOURCE_ROOT": str(checkout),
        }
        made.administer("state", module="stack_bootstrap")
        # Most of an apply is the AWS provider waiting until a bucket's settings were the same ten times.
        with ThreadPoolExecutor(len(environments)) as at_once:
            list(at_once.map(lambda name: made.administer("apply", "--yes", environments=(name,)), environments))
        made.administer("register")
        for model in TEAMS:
            for environment in environments:
                _client_kubeconfig(made, made.namespace(environment, model))
        yield made
