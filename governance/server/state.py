"""Which server of this checkout runs: a file beside its data, and whether the processes that it names still do."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from environments import Platform
from environments.files import replace_file
from governance.core.errors import RefusedError
from governance.core.workspace import workspace_dir
from stack_bootstrap.registration.running_server import process_runs

ADMINISTRATOR = "admin"
"""The first administrator."""
ASKED_NOTHING: dict[str, Any] = {"email_opted_in": False, "user_metadata": {"finished_onboarding_survey": True}}
"""Of a person's account, whom ZenML's dashboard else asks for an address for its news before it shows anything."""
TOKEN_MINUTES = 60
"""How long a login lasts; whoever holds a key, such as CI, is given the next token for it."""
SERVED = {
    "ZENML_ANALYTICS_OPT_IN": "false",
    "ZENML_DEFAULT_USER_NAME": ADMINISTRATOR,
    "ZENML_SERVER": "true",
    "ZENML_SERVER_AUTH_SCHEME": "OAUTH2_PASSWORD_BEARER",
    "ZENML_SERVER_AUTO_ACTIVATE": "true",
    "ZENML_SERVER_DEPLOYMENT_TYPE": "other",
    "ZENML_SERVER_DISPLAY_ANNOUNCEMENTS": "false",
    "ZENML_SERVER_DISPLAY_UPDATES": "false",
    "ZENML_SERVER_JWT_TOKEN_EXPIRE_MINUTES": str(TOKEN_MINUTES),
    "ZENML_STORE_TYPE": "sql",
}
"""Variables of ZenML's server, wherever it is."""


class ServerError(RefusedError):
    """The server cannot be started, stopped or used as asked; the message says why and what to do."""


@dataclass(frozen=True)
class Process:
    """A process, told from a later one that got the same number by when it began."""

    pid: int
    began: float
    """Seconds since 1970, as the operating system has it."""

    @classmethod
    def of(cls, pid: int) -> Process:
        """Return the process that has ``pid`` now.

        Raises:
            psutil.NoSuchProcess: there is none.
        """
        return cls(pid, psutil.Process(pid).create_time())

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return process_runs(self.pid, self.began)


@dataclass(frozen=True)
class Service:
    """One thing that is served: the address, and the process that serves it."""

    name: str
    url: str
    process: Process

    @property
    def runs(self) -> bool:
        """Whether its process has not ended."""
        return self.process.runs


@dataclass(frozen=True)
class Home:
    """The folder of a checkout's server."""

    folder: Path

    @classmethod
    def of(cls, platform: Platform) -> Home:
        """Return the folder of the server of the checkout with these settings."""
        return cls(workspace_dir(platform) / "server")

    @property
    def state(self) -> Path:
        """What runs; the checkout's other commands read it, see ``stack_bootstrap.registration.running_server``."""
        return self.folder / "server.json"

    @property
    def password(self) -> Path:
        """The first administrator's name and password, for its owner's eyes."""
        return self.folder / "administrator.txt"

    @property
    def key(self) -> Path:
        """The API key by which this checkout's commands log in."""
        return self.folder / "checkout.key"

    @property
    def secrets_key(self) -> Path:
        """The key that values of secrets are encrypted with; it is in no backup."""
        return self.folder / "secrets.key"

    @property
    def log(self) -> Path:
        """What the server wrote."""
        return self.folder / "server.log"

    @property
    def database(self) -> Path:
        """Where the data are, if not in the SQLite file."""
        return self.folder / "database.txt"

    @property
    def sqlite(self) -> Path:
        """The SQLite file that holds the data, if no database does."""
        return self.folder / "zenml.db"

    def services(self) -> tuple[Service, ...]:
        """Return what was started here last, whether or not it still runs.

        Raises:
            ServerError: the file holds something else.
        """
        if not self.state.exists():
            return ()
        try:
            held = json.loads(self.state.read_text(encoding="utf-8"))
            return tuple(Service(one["name"], one["url"], Process(**one["process"])) for one in held["services"])
        except (ValueError, KeyError, TypeError) as error:
            raise ServerError(
                f"{self.state} cannot be read ({error!r}). See with `ps` whether a server of this checkout runs, "
                "end it, and remove the file."
            ) from error

    def keep(self, services: tuple[Service, ...]) -> None:
        """Note what runs."""
        content = {"services": [asdict(service) for service in services], "key": str(self.key)}
        replace_file(self.state, json.dumps(content, indent=2), mode=0o600)

    def forget(self) -> None:
        """Note that nothing runs."""
        self.state.unlink(missing_ok=True)
