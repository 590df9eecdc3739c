"""Starting and stopping: the guarded server in the background, then the trackers' pages."""

from __future__ import annotations

import fcntl
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import requests

from environments import CHECKOUT, Platform
from environments.files import replace_file
from governance.access.settings import ADMINISTRATORS, SETTINGS
from governance.server.database import Address, keep_address
from governance.server.secret_values import keep_encrypted, named, variables_of
from governance.server.state import ADMINISTRATOR, ASKED_NOTHING, SERVED, Home, Process, ServerError, Service
from governance.server.trackers import PAGES, Store, page_command, page_variables, tracking_stores

CHECKOUT_ACCOUNT = "checkout"
"""The service account of this checkout's commands."""
ZENML = "zenml"
PORT = 8237
HOST = "127.0.0.1"
READY_SECONDS, END_SECONDS, ASK_SECONDS = 120, 20, 30


def start(
    platform: Platform,
    *,
    port: int = PORT,
    database: Address | None = None,
    pages: Mapping[str, Store] | None = None,
    forget_secrets: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> tuple[Service, ...]:
    """Start the server, and the tracker's page of each store in ``pages``; what runs already is left as it is.

    Args:
        platform: the settings.
        port: of ZenML's server; the trackers' pages take those after it.
        database: of MySQL or MariaDB; without it the server keeps a SQLite file.
        pages: tracking stores by name; None for those of the environments that are there.
        forget_secrets: empty the values of secrets that the server's key does not open.
        tell: is told what became of values of secrets, in a sentence.

    Returns:
        What runs now, ZenML's server first.

    Raises:
        ServerError: a port is taken, the database does not answer, a process ended while it started, or values of
            secrets were encrypted with a key that is not here.
    """
    home = Home.of(platform)
    home.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(home):
        running = {service.name: service for service in home.services() if service.runs}
        wanted = {
            f"{PAGES} {name}": store for name, store in (tracking_stores(platform) if pages is None else pages).items()
        }
        services = list(running.values())
        if ZENML not in running:
            _refuse_taken(port)
            if database is not None:
                database.require()
            url = _address(home, database)
            key, found = keep_encrypted(home, url if database or home.sqlite.exists() else None, forget=forget_secrets)
            for said, names in (("Encrypted", found.plain), ("Emptied, as no key opens them,", found.unreadable)):
                if names:
                    tell(f"{said} the values of {named(names)}.")
            services.insert(0, _zenml(platform, home, port, database, key))
            home.keep(tuple(services))
        for place, (name, store) in enumerate(sorted(wanted.items()), start=1):
            if name not in running:
                _refuse_taken(port + place)
                services.append(_page(platform, home, name, port + place, page_variables(store, services[0].url)))
                home.keep(tuple(services))
        return tuple(services)


def stop(platform: Platform) -> tuple[Service, ...]:
    """Stop what :func:`start` started, and nothing else. Return what was stopped.

    Raises:
        ServerError: a process does not end.
    """
    home = Home.of(platform)
    if not home.state.exists():
        return ()
    with _alone(home):
        running = tuple(service for service in home.services() if service.runs)
        for service in running:
            end(service)
        home.forget()
        return running


def _address(home: Home, database: Address | None) -> str:
    """Return where the data are, as ZenML reads it."""
    return f"sqlite:///{home.sqlite}" if database is None else database.url


def _zenml(platform: Platform, home: Home, port: int, database: Address | None, key: str) -> Service:
    url = f"http://{HOST}:{port}"
    password = _first_password(home, url)
    variables = {
        **_roles(platform),
        **SERVED,
        "ZENML_CONFIG_PATH": str(home.folder / "zenml"),
        "ZENML_SERVER_JWT_SECRET_KEY": _kept(home.folder / "tokens.key", lambda: secrets.token_hex(32)),
        "ZENML_DEFAULT_USER_PASSWORD": password,
        "ZENML_STORE_URL": _address(home, database),
        **variables_of(key),
    }
    command = [sys.executable, "-m", "uvicorn", "governance.access.target:app", "--host", HOST, "--port", str(port)]
    process = run_in_background([*command, "--no-access-log"], variables, home.log)
    service = Service(ZENML, url, process)
    home.keep((service,))
    wait_until_ready(service, f"{url}/health", home.log)
    keep_address(home, database)
    _give_key(home, url, password)
    return service


def _roles(platform: Platform) -> dict[str, str]:
    """Return the variables by which a guarded process finds what was applied."""
    return {
        SETTINGS: str(platform.directory.resolve()),
        ADMINISTRATORS: f"{ADMINISTRATOR},service:{CHECKOUT_ACCOUNT}",
    }


def _page(platform: Platform, home: Home, name: str, port: int, variables: Mapping[str, str]) -> Service:
    log = home.folder / f"{name.replace(' ', '-')}.log"
    process = run_in_background(page_command(HOST, port), {**_roles(platform), **variables}, log)
    service = Service(name, f"http://{HOST}:{port}", process)
    wait_until_ready(service, f"{service.url}/health", log)
    return service


def run_in_background(command: Sequence[str], variables: Mapping[str, str], log: Path) -> Process:
    """Start ``command`` with ``variables`` and none of the caller's for ZenML; it goes on when this process ends."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ZENML_")}
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "ab") as output:
        started = subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env={**inherited, **variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C in this terminal is not for it
        )
    return Process.of(started.pid)


def wait_until_ready(service: Service, url: str, log: Path) -> None:
    """Wait until ``url`` of ``service``, which writes to ``log``, answers.

    Raises:
        ServerError: it ended, or does not answer in time and was ended.
    """
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if not service.runs:
            raise ServerError(f"{service.name} ended while it started. The end of {log} says:\n{_end_of(log)}")
        try:
            if requests.get(url, timeout=2).ok:
                return
        except requests.RequestException:
            time.sleep(0.2)
    end(service)
    raise ServerError(f"{service.name} did not answer within {READY_SECONDS} s. See {log}.")


def end(service: Service) -> None:
    """End ``service`` and its workers: politely, then not.

    Raises:
        ServerError: it does not end.
    """
    try:
        found = psutil.Process(service.process.pid)
        all_of_it = [found, *found.children(recursive=True)]
        found.send_signal(signal.SIGTERM)
        _, left = psutil.wait_procs(all_of_it, END_SECONDS)
        for process in left:
            process.kill()
        if psutil.wait_procs(left, END_SECONDS)[1]:
            raise ServerError(f"{service.name} (process {service.process.pid}) does not end.")
    except psutil.NoSuchProcess:
        return


def _give_key(home: Home, url: str, password: str) -> None:
    """Make the account of this checkout's commands, and keep its key, where there is none yet."""
    if home.key.exists():
        return
    api = f"{url}/api/v1"
    given = _ask("post", f"{api}/login", data={"username": ADMINISTRATOR, "password": password})
    headers = {"Authorization": f"Bearer {given['access_token']}"}
    _ask("put", f"{api}/current-user", headers=headers, json=ASKED_NOTHING)
    page = _ask("get", f"{api}/service_accounts", headers=headers, params={"name": CHECKOUT_ACCOUNT})
    account = (page["items"] or [None])[0] or _ask(
        "post", f"{api}/service_accounts", headers=headers, json={"name": CHECKOUT_ACCOUNT, "active": True}
    )
    made = _ask(
        "post",
        f"{api}/service_accounts/{account['id']}/api_keys",
        headers=headers,
        json={"name": f"made-{secrets.token_hex(4)}"},
    )
    replace_file(home.key, made["body"]["key"], mode=0o600)


def _ask(method: str, url: str, **arguments: Any) -> Any:
    try:
        answer = requests.request(method, url, timeout=ASK_SECONDS, **arguments)
    except requests.RequestException as error:
        raise ServerError(f"The server does not answer at {url}: {error}") from error
    if not answer.ok:
        raise ServerError(
            f"The server answers {answer.status_code} at {url}: {answer.text[:200]}. If its database is another than "
            "the one that the administrator's password in the server's folder was made for, give that back."
        )
    return answer.json()


def _first_password(home: Home, url: str) -> str:
    text = _kept(home.password, lambda: f"{url}\nname: {ADMINISTRATOR}\npassword: {secrets.token_urlsafe(24)}\n")
    return text.rpartition("password: ")[2].strip()


def _kept(file: Path, make: Any) -> str:
    """Return what ``file`` holds, made now if it is not there; only its owner reads it."""
    if not file.exists():
        replace_file(file, make(), mode=0o600)
    return file.read_text(encoding="utf-8")


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise ServerError(f"Port {port} is taken by another program. Choose others with PORT=….") from error


def _end_of(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    with (home.folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ServerError("Another command starts or stops this checkout's server just now.") from error
        yield
