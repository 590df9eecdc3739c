"""Where backups lie, and where the databases are that are backed up."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from environments import PLATFORM, SERVER, Platform, names_for
from governance.audit.location import Location, locate
from governance.backups.clouds import CLOUDS, BackupStore
from governance.backups.databases import Database, MysqlDatabase, SqliteDatabase
from governance.backups.errors import BackupError
from governance.backups.manifest import Holder
from governance.server.database import DATABASE as SERVER_DATABASE
from governance.server.database import address_of
from governance.server.secret_values import fingerprint, held_key
from governance.server.state import Home
from governance.server.trackers import database_of, tracking_files

BACKUPS = "GROUNDWORK_BACKUPS"
"""Variable with the place of backups: a folder, ``s3://bucket/prefix`` or ``gs://bucket/prefix``, in which
``{environment}`` stands for the name."""


@dataclass(frozen=True)
class Place:
    """What is backed up for one environment on one cloud, and where that goes."""

    platform: Platform
    where: Location

    @classmethod
    def of(cls, platform: Platform, environment: str, cloud: str | None = None) -> Place:
        """Return the place for ``environment``.

        Raises:
            SettingsError: there is no such environment, or it is not described for that cloud.
        """
        return cls(platform, locate(platform, environment, cloud=cloud))

    @property
    def environment(self) -> str:
        """The environment's name."""
        return self.where.environment.environment

    @property
    def days(self) -> int:
        """How long a backup is kept."""
        return self.where.environment.retention.backups_days

    @property
    def drafts(self) -> Path:
        """Folder for what is at work; it holds whole databases, so only its owner enters it."""
        return self.where.ground / "backups-at-work" / f"{self.where.cloud}-{self.environment}"

    def store(self, environ: Mapping[str, str] = os.environ) -> BackupStore:
        """Open the place of backups.

        Raises:
            StoreError: it is not there, or cannot be asked.
            BackupError: none is named.
        """
        given = environ.get(BACKUPS, "").strip().format(environment=self.environment)
        if not given and self.where.cloud == "local":
            names = names_for(PLATFORM, self.environment, "local", self.where.environment.prefix)
            given = str(self.where.ground / "environments" / names.folder / "backups")
        scheme, separator, rest = given.rpartition("://")
        bucket, _, prefix = rest.partition("/") if separator else (given, "", "")
        for cloud in CLOUDS.values():
            if given and cloud.scheme == scheme:
                return cloud.open(bucket, f"{prefix.rstrip('/')}/" if prefix else "", self.days)
        raise BackupError(
            f"{given or 'Nothing'} can be no place of backups: name a folder, s3://bucket/prefix or gs://bucket/prefix "
            f"in {BACKUPS}. A bucket is versioned, locks what it holds, and is nobody's who works on the server."
        )

    @property
    def holder(self) -> Holder:
        """Whose database is backed up: the server's, where one was ever started here or its database is named.

        Raises:
            ServerError: the address of the server's database is needed and not given.
            BackupError: the checkout uses a server of somebody else's, whose database is not named.
        """
        home = Home.of(self.platform)
        if address_of(home) is not None or home.sqlite.exists() or home.state.exists():
            return "server"
        if os.environ.get("ZENML_STORE_URL"):
            raise BackupError(
                "ZENML_STORE_URL names a server that was not started here: give the address of its database in "
                f"{SERVER_DATABASE}."
            )
        return "store"

    def database(self, holder: Holder | None = None) -> Database:
        """Return the database of ``holder``; by default that of :attr:`holder`, whose errors it has."""
        home = Home.of(self.platform)
        if (holder or self.holder) == "server":
            address = address_of(home)
            return SqliteDatabase(home.sqlite) if address is None else MysqlDatabase(address)
        folder = Path(os.environ.get("ZENML_CONFIG_PATH") or self.where.ground / "zenml")
        return SqliteDatabase(folder / "local_stores" / "default_zen_store" / "zenml.db")

    def secrets_key(self, holder: Holder | None = None) -> str | None:
        """Return what tells the key of secrets' values from others; None where ``holder`` has none, as a store does.

        Errors are those of :attr:`holder`.
        """
        key = held_key(Home.of(self.platform)) if (holder or self.holder) == "server" else None
        return None if key is None else fingerprint(key)

    def tracking(self) -> dict[str, Database]:
        """Return the tracking stores of this environment, there or not yet.

        Those that runs on this machine made, by team; and where the server has a database, those of the trackers'
        pages beside it there, by ``server.`` and the team.

        Raises:
            ServerError: the address of the server's database is needed and not given.
        """
        found: dict[str, Database] = {
            team: SqliteDatabase(file) for team, file in tracking_files(self.platform, self.environment).items()
        }
        server, address = self.platform.server, address_of(Home.of(self.platform))
        if server is not None and address is not None:
            for tracker in server.trackers:
                team, _, environment = tracker.partition("/")
                if environment == self.environment:
                    found[f"{SERVER}.{team}"] = MysqlDatabase(replace(address, name=database_of(tracker)))
        return found
