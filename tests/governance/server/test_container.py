"""Containers of the server: two on one empty database, one gone, and what a missing or wrong variable says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from governance.images.build import build_server
from governance.server import container as containers
from governance.server.container import Tls, address_in, tls_of, tracker_variables, zenml_variables
from governance.server.mariadb import TemporaryMariaDb
from governance.server.state import ServerError
from tests.conftest import REPOSITORY
from tests.governance.served import free_port

PLACE = {
    "GROUNDWORK_DATABASE_HOST": "db.example.com",
    "GROUNDWORK_DATABASE_USER": "groundwork",
    "GROUNDWORK_DATABASE_PASSWORD": "p@ss/word",
}
SECRETS = {
    "ZENML_DEFAULT_USER_PASSWORD": "first-administrator-1",
    "ZENML_SECRETS_STORE_ENCRYPTION_KEY": "what-encrypts-values-of-secrets-1",
    "ZENML_SERVER_JWT_SECRET_KEY": "what-signs-every-login-and-is-long-enough",
}


def test_the_database_is_reached_by_tls_unless_told_otherwise(tmp_path: Path) -> None:
    assert "ssl=true" in address_in(PLACE, "zenml").url
    authorities = tmp_path / "authorities.pem"
    authorities.touch()
    verified = tls_of({"GROUNDWORK_DATABASE_TLS": f"verified:{authorities}"})
    assert verified.query == {"ssl_ca": str(authorities), "ssl_verify_server_cert": "true"}
    assert tls_of({"GROUNDWORK_DATABASE_TLS": "off"}) == Tls({}, {})
    for wrong in ("none", "verified:", f"verified:{tmp_path / 'gone.pem'}"):
        with pytest.raises(ServerError, match="say required, off, or verified"):
            tls_of({"GROUNDWORK_DATABASE_TLS": wrong})


def test_what_is_missing_is_named_and_no_replica_makes_a_secret_of_its_own() -> None:
    with pytest.raises(ServerError, match="GROUNDWORK_DATABASE_PASSWORD is not set") as refused:
        address_in({**PLACE, "GROUNDWORK_DATABASE_PASSWORD": ""}, "zenml")
    assert "p@ss" not in str(refused.value)
    address = address_in(PLACE, "zenml")
    for key in SECRETS:
        with pytest.raises(ServerError, match=f"{key} is not set"):
            zenml_variables({name: value for name, value in SECRETS.items() if name != key}, address)
    assert zenml_variables(SECRETS, address)["ZENML_STORE_URL"] == address.url


def test_applied_settings_are_laid_into_a_scratch_folder_that_was_mounted_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout, applied, scratch = tmp_path / "app", tmp_path / "applied", tmp_path / "scratch"
    (applied / "local").mkdir(parents=True)
    (applied / "local" / "dev.yaml").write_text("settings")
    checkout.mkdir()
    (checkout / ".groundwork").symlink_to(scratch / "ground")
    monkeypatch.setattr(containers, "CHECKOUT", checkout)
    monkeypatch.setattr(containers, "APPLIED", applied)
    for _ in range(2):
        containers._lay_applied()
    assert (scratch / "ground" / "applied" / "local" / "dev.yaml").read_text() == "settings"


def test_each_team_and_environment_has_a_trackers_database_of_its_own() -> None:
    asked = {
        **PLACE,
        "GROUNDWORK_TRACKER_FILES": "s3://bucket/oncology/production",
        "GROUNDWORK_TRACKER_OWNER": "diabetes-care/production",
        "GROUNDWORK_TRACKER_SERVER": "https://zenml.example.com",
    }
    uri = tracker_variables(asked)["_MLFLOW_SERVER_FILE_STORE"]
    assert uri.startswith(
        "mysql+pymysql://groundwork:p%40ss%2Fword@db.example.com:3306/mlflow_diabetes_care_production?"
    )
    assert "ssl_check_hostname=false" in uri
    for key in ("GROUNDWORK_TRACKER_FILES", "GROUNDWORK_TRACKER_OWNER", "GROUNDWORK_TRACKER_SERVER"):
        with pytest.raises(ServerError, match=f"{key} is not set"):
            tracker_variables({**asked, key: ""})


@contextmanager
def container(
    command: str, folder: Path, variables: Mapping[str, str]
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A container's process, and where it answers."""
    port = free_port()
    own = {"GROUNDWORK_SERVER_PORT": str(port), "ZENML_CONFIG_PATH": str(folder / f"zenml-{port}")}
    with (folder / f"{command}-{port}.log").open("wb") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", "governance.server.container", command],
            env={**os.environ, **variables, **own},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield f"http://127.0.0.1:{port}", started
    finally:
        started.kill()
        started.wait()


def wait_for(url: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(f"{url}/health", timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.3)
    raise AssertionError("\n".join(file.read_text(errors="replace")[-2000:] for file in folder.glob("*.log")))


@pytest.mark.slow
def test_two_containers_share_one_database_and_one_can_go(
    settings_directory: Path, tmp_path: Path, mariadb: TemporaryMariaDb
) -> None:
    address = mariadb.address
    place = {
        "GROUNDWORK_ACCESS_SETTINGS": str(settings_directory),
        "GROUNDWORK_DATABASE_HOST": address.host,
        "GROUNDWORK_DATABASE_PASSWORD": address.password,
        "GROUNDWORK_DATABASE_PORT": str(address.port),
        "GROUNDWORK_DATABASE_TLS": "off",
        "GROUNDWORK_DATABASE_USER": address.user,
    }
    # Both find an empty database: one makes it, and neither fails.
    with (
        container("zenml", tmp_path, {**place, **SECRETS}) as (first, one),
        container("zenml", tmp_path, {**place, **SECRETS}) as (second, other),
    ):
        wait_for(first, one, tmp_path)
        wait_for(second, other, tmp_path)
        login = {"username": "admin", "password": SECRETS["ZENML_DEFAULT_USER_PASSWORD"]}
        token = requests.post(f"{first}/api/v1/login", data=login, timeout=30).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}

        def asked(url: str, path: str) -> requests.Response:
            return requests.get(f"{url}/api/v1/{path}", headers=headers, timeout=30)

        assert asked(second, "current-user").json()["name"] == "admin", "a login holds on every replica"
        assert asked(second, "users").json()["total"] == 1, "two that start together make one administrator"
        made = requests.post(
            f"{first}/api/v1/tags", headers=headers, json={"name": "kept", "color": "grey"}, timeout=30
        )
        assert made.ok, made.text
        one.send_signal(signal.SIGKILL)
        one.wait()
        assert asked(second, f"tags/{made.json()['id']}").json()["name"] == "kept", (
            "what was answered is in the database"
        )

        tracked = {
            **place,
            "GROUNDWORK_TRACKER_FILES": str(tmp_path / "files"),
            "GROUNDWORK_TRACKER_OWNER": "oncology/dev",
            "GROUNDWORK_TRACKER_SERVER": second,
        }
        with container("tracker", tmp_path, tracked) as (page, process):
            wait_for(page, process, tmp_path)
            search = f"{page}/api/2.0/mlflow/experiments/search?max_results=1"
            assert requests.get(search, timeout=30).status_code == 401
            assert requests.get(search, timeout=30, auth=("admin", "wrong")).status_code == 401
            command = Path(f"/proc/{process.pid}/cmdline")
            if command.exists():
                assert address.password not in command.read_text()


@pytest.fixture(scope="module")
def image() -> str:
    """The server's image, built by the engine that runs here."""
    base = os.environ.get("GROUNDWORK_BASE")
    if not base or subprocess.run(["docker", "image", "inspect", base], capture_output=True, check=False).returncode:
        pytest.skip("no container engine runs here, or GROUNDWORK_BASE names no image of it")
    return build_server("kubernetes", REPOSITORY / "environments", base=base).tag


@contextmanager
def started(image: str, command: str, folder: Path, variables: Mapping[str, str]) -> Iterator[str]:
    """A container of ``image`` as the platforms start it, and where it answers."""
    port = free_port()
    given = {**variables, "GROUNDWORK_SERVER_PORT": str(port)}
    environment = (word for name in given for word in ("--env", name))  # whose values are in no argument
    confined = ("--rm", "--network", "host", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
    with (folder / f"{command}-{port}.log").open("wb") as log:
        process = subprocess.Popen(
            ["docker", "run", *confined, *environment, image, "python", "-m", "governance.server.container", command],
            env={**os.environ, **given},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(f"http://127.0.0.1:{port}", process, folder)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()  # which the engine passes on, so that the container ends by itself
        assert process.wait(timeout=60) in (0, 143), "it ends when it is told to"


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("ALL_RUNS"), reason="builds and starts an image, for minutes: ALL_RUNS=1")
def test_the_image_serves_from_a_file_system_that_it_cannot_write_to(
    image: str, tmp_path: Path, mariadb: TemporaryMariaDb
) -> None:
    address = mariadb.address
    place = {
        "GROUNDWORK_DATABASE_HOST": address.host,
        "GROUNDWORK_DATABASE_PASSWORD": address.password,
        "GROUNDWORK_DATABASE_PORT": str(address.port),
        "GROUNDWORK_DATABASE_TLS": "off",
        "GROUNDWORK_DATABASE_USER": address.user,
    }
    with started(image, "zenml", tmp_path, {**place, **SECRETS}) as server:
        assert requests.get(f"{server}/ready", timeout=30).ok
        login = {"username": "admin", "password": SECRETS["ZENML_DEFAULT_USER_PASSWORD"]}
        token = requests.post(f"{server}/api/v1/login", data=login, timeout=30).json()["access_token"]
        asked = requests.get(f"{server}/api/v1/current-user", headers={"Authorization": f"Bearer {token}"}, timeout=30)
        assert asked.json()["name"] == "admin"
        assert requests.get(f"{server}/api/v1/current-user", timeout=30).status_code == 401
        tracked = {
            **place,
            "GROUNDWORK_TRACKER_FILES": "/var/lib/groundwork/files",
            "GROUNDWORK_TRACKER_OWNER": "oncology/production",
            "GROUNDWORK_TRACKER_SERVER": server,
        }
        with started(image, "tracker", tmp_path, tracked) as page:
            search = f"{page}/api/2.0/mlflow/experiments/search?max_results=1"
            assert requests.get(search, timeout=30).status_code == 401
            assert requests.get(search, timeout=30, auth=("admin", login["password"])).status_code == 200
