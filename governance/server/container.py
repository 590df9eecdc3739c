"""A container of the shared server: ``python -m governance.server.container zenml``, or ``tracker``.

What is secret comes as variables that the platform fills by reference, and is passed on in no argument. Containers of
one service start side by side: the first one makes its database and brings it up to date, the others wait for that.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlencode

import typer

from environments import CHECKOUT
from governance.access.settings import ADMINISTRATORS
from governance.server.database import Address
from governance.server.state import ADMINISTRATOR, SERVED, ServerError
from governance.server.trackers import (
    OWNER,
    SERVER,
    TARGET,
    database_of,
    database_variables,
    upgrade_database,
)

HOST, PORT, FILES = "GROUNDWORK_DATABASE_HOST", "GROUNDWORK_SERVER_PORT", "GROUNDWORK_TRACKER_FILES"
_USER, _PASSWORD, _TLS = "GROUNDWORK_DATABASE_USER", "GROUNDWORK_DATABASE_PASSWORD", "GROUNDWORK_DATABASE_TLS"
APPLIED = Path("/usr/share/groundwork/applied")
"""What was last applied to the environments when the image was made; see ``governance.records.applied``."""
LOCK_SECONDS = 600
"""How long a container waits while another brings the database up to date."""
_DRAIN_SECONDS = 30

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class Tls:
    """How the connection to the database is protected."""

    query: Mapping[str, str]
    """As ZenML's address has it."""
    tracker_query: Mapping[str, str]
    """As SQLAlchemy's has it."""


def tls_of(variables: Mapping[str, str]) -> Tls:
    """Return how the database is reached: ``required`` (the default), ``verified:<file of authorities>`` or ``off``.

    Raises:
        ServerError: the variable says something else, or the file is not there.
    """
    said = variables.get(_TLS, "required")
    if said == "off":
        return Tls({}, {})
    if said == "required":
        return Tls({"ssl": "true"}, {"ssl_check_hostname": "false"})
    kind, _, file = said.partition(":")
    if kind != "verified" or not Path(file).is_file():
        raise ServerError(f"{_TLS}={said}: say required, off, or verified:<file with the database's authorities>.")
    return Tls({"ssl_ca": file, "ssl_verify_server_cert": "true"}, {"ssl_ca": file, "ssl_check_hostname": "true"})


def address_in(variables: Mapping[str, str], name: str) -> Address:
    """Return the database ``name`` that the container's variables lead to.

    Raises:
        ServerError: one is missing; the message names it and no value.
    """
    missing = [key for key in (HOST, _USER, _PASSWORD) if not variables.get(key)]
    if missing:
        raise ServerError(f"{', '.join(missing)} is not set: the platform gives it to the container.")
    port = int(variables.get("GROUNDWORK_DATABASE_PORT") or 3306)
    return Address(variables[HOST], port, name, variables[_USER], variables[_PASSWORD], dict(tls_of(variables).query))


def zenml_variables(variables: Mapping[str, str], address: Address) -> dict[str, str]:
    """Return what ZenML's server reads, beside the secrets that the platform gave under ZenML's own names.

    Raises:
        ServerError: one of those is missing.
    """
    needed = ("ZENML_DEFAULT_USER_PASSWORD", "ZENML_SECRETS_STORE_ENCRYPTION_KEY", "ZENML_SERVER_JWT_SECRET_KEY")
    missing = [key for key in needed if not variables.get(key)]
    if missing:
        raise ServerError(f"{', '.join(missing)} is not set: replicas without it would each make one of their own.")
    return {
        ADMINISTRATORS: variables.get(ADMINISTRATORS, ADMINISTRATOR),
        **SERVED,
        "ZENML_SECRETS_STORE_TYPE": "sql",
        "ZENML_STORE_URL": address.url,
    }


def tracker_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Return what a tracker's page reads.

    Raises:
        ServerError: it is not said whose runs are shown, who knows the accounts, or where files are.
    """
    missing = [key for key in (OWNER, SERVER, FILES) if not variables.get(key)]
    if missing:
        raise ServerError(f"{', '.join(missing)} is not set: the platform gives it to the container.")
    address = address_in(variables, database_of(variables[OWNER]))
    query = tls_of(variables).tracker_query
    plain = replace(address, options={}).url.replace("mysql://", "mysql+pymysql://", 1)
    return {
        ADMINISTRATORS: variables.get(ADMINISTRATORS, ADMINISTRATOR),
        **database_variables(f"{plain}?{urlencode(query)}" if query else plain, variables[FILES]),
    }


@app.command()
def zenml() -> None:
    """Bring the database up to date, then serve ZenML behind the guard."""
    variables = os.environ
    address = address_in(variables, "zenml")
    own = zenml_variables(variables, address)
    _lay_applied()
    with migration_lock(address):
        _must_run("upgrade-zenml", own)
    _serve("governance.access.target:app", {**own, "DISABLE_DATABASE_MIGRATION": "true"})


@app.command()
def tracker() -> None:
    """Bring the database up to date, then serve a tracker's page behind the guard."""
    own = tracker_variables(os.environ)
    _lay_applied()
    with migration_lock(address_in(os.environ, database_of(os.environ[OWNER]))):
        _must_run("upgrade-tracker", own)
    _serve(TARGET, own)


@app.command()
def probe() -> None:
    """Exit with 0 when what is served here answers, with 1 when not."""
    import requests

    try:
        answer = requests.get(f"http://127.0.0.1:{_port()}/health", timeout=5)
    except requests.RequestException as error:
        typer.echo(f"It does not answer: {error}", err=True)
        raise typer.Exit(1) from error
    raise typer.Exit(0 if answer.ok else 1)


@app.command(hidden=True)
def upgrade_zenml() -> None:
    """Make or upgrade the tables of ZenML's database; called by ``zenml`` while it holds the lock."""
    from zenml.config.global_config import GlobalConfiguration
    from zenml.zen_stores.base_zen_store import BaseZenStore

    BaseZenStore.create_store(GlobalConfiguration().store_configuration)


@app.command(hidden=True)
def upgrade_tracker() -> None:
    """Make or upgrade the tables of the tracker's database; called by ``tracker`` while it holds the lock."""
    upgrade_database(os.environ)


@contextmanager
def migration_lock(address: Address) -> Iterator[None]:
    """Make the database of ``address`` where it is not there, and let nobody else bring it up to date in the block.

    Raises:
        ServerError: it does not answer, refuses, or another container holds the lock for longer than ten minutes.
    """
    import pymysql  # type: ignore[import-untyped]

    options = address.options
    ssl = {"ca": options.get("ssl_ca"), "check_hostname": "ssl_ca" in options} if options else None
    try:
        connection = pymysql.connect(
            host=address.host, port=address.port, user=address.user, password=address.password, ssl=ssl
        )
    except pymysql.MySQLError as error:
        raise ServerError(f"The database at {address.host}:{address.port} refuses: {error}") from error
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK(%s, %s)", (f"groundwork-{address.name}", LOCK_SECONDS))
        if cursor.fetchone() != (1,):
            raise ServerError(f"Another container has been bringing {address.name} up to date for {LOCK_SECONDS} s.")
        quoted = address.name.replace("`", "``")
        cursor.execute(f"CREATE DATABASE IF NOT EXISTS `{quoted}` CHARACTER SET utf8mb4")
        yield  # the lock goes with the connection, also when this process is killed


def _must_run(command: str, variables: Mapping[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "governance.server.container", command], env={**os.environ, **variables}, check=False
    )
    if done.returncode:
        raise ServerError(f"The database could not be brought up to date ({command} ended with {done.returncode}).")


def _lay_applied() -> None:
    """Put what the image has of applied settings where they are looked for.

    In the image that is a link into the scratch folder, which a platform mounts empty.
    """
    ground = (CHECKOUT / ".groundwork").resolve()
    ground.mkdir(parents=True, exist_ok=True)
    if APPLIED.is_dir():
        shutil.copytree(APPLIED, ground / "applied", dirs_exist_ok=True)


def _port() -> str:
    return os.environ.get(PORT, "8080")


def _serve(target: str, variables: Mapping[str, str]) -> None:
    """Become uvicorn, which on SIGTERM finishes what it has begun and takes nothing new."""
    command = [sys.executable, "-m", "uvicorn", target, "--host", "0.0.0.0", "--port", _port()]  # noqa: S104 - in a container
    options = ["--no-access-log", "--proxy-headers", "--forwarded-allow-ips", "*"]
    drain = ["--timeout-graceful-shutdown", str(_DRAIN_SECONDS)]
    os.execvpe(command[0], [*command, *options, *drain], {**os.environ, **variables})  # noqa: S606


def main() -> None:
    """Run the command line. Exit status: 0 done, 1 refused."""
    try:
        app()
    except ServerError as error:
        typer.echo(str(error), err=True)
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
