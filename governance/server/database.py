"""Where the server keeps its data: a SQLite file beside it, or a database of MySQL or MariaDB."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from environments.files import replace_file
from governance.server.state import Home, ServerError

DATABASE = "GROUNDWORK_SERVER_DATABASE"
"""Variable with the address of a MySQL or MariaDB database, ``mysql://user:password@host:3306/name``."""
_FORM = f"{DATABASE} is no address like mysql://user:password@host:3306/name."


@dataclass(frozen=True)
class Address:
    """A database of MySQL or MariaDB, and who may use it."""

    host: str
    port: int
    name: str
    user: str
    password: str = field(repr=False)
    options: Mapping[str, str] = field(default_factory=dict)
    """How the connection is encrypted: ``ssl``, ``ssl_ca``, ``ssl_cert``, ``ssl_key``, ``ssl_verify_server_cert``."""

    @classmethod
    def parse(cls, url: str) -> Address:
        """Read an address as :data:`DATABASE` gives it.

        Raises:
            ServerError: it is none; the message does not repeat it, as it holds a password.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or 3306
        except ValueError as error:
            raise ServerError(_FORM) from error
        name = unquote(parts.path.strip("/"))
        if parts.scheme != "mysql" or not parts.hostname or not name or not parts.username:
            raise ServerError(_FORM)
        return cls(
            parts.hostname,
            port,
            name,
            unquote(parts.username),
            unquote(parts.password or ""),
            dict(parse_qsl(parts.query)),
        )

    @property
    def url(self) -> str:
        """The address with its password, as ZenML reads it."""
        query = f"?{urlencode(self.options)}" if self.options else ""
        who = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        return f"mysql://{who}@{self.host}:{self.port}/{quote(self.name, safe='')}{query}"

    @property
    def place(self) -> str:
        """Where it is, without who uses it: for messages."""
        return f"{self.host}:{self.port}/{self.name}"

    def answers(self) -> bool:
        """Return whether something listens there."""
        try:
            self._connect()
        except OSError:
            return False
        return True

    def require(self) -> None:
        """Go on only if something listens there.

        Raises:
            ServerError: nothing does.
        """
        try:
            self._connect()
        except OSError as error:
            raise ServerError(f"No database answers at {self.host}:{self.port} ({error}). Start it first.") from error

    def _connect(self) -> None:
        socket.create_connection((self.host, self.port), timeout=3).close()


def address_of(home: Home, environ: Mapping[str, str] = os.environ) -> Address | None:
    """Return where the server in ``home`` keeps its data; None for its SQLite file.

    Raises:
        ServerError: the variable holds no address, or is not set and the server has its data in a database.
    """
    given = environ.get(DATABASE, "").strip()
    if given:
        return Address.parse(given)
    if home.database.exists():
        raise ServerError(
            f"The server of this checkout has its data in the database {home.database.read_text().strip()}: give its "
            f"address in {DATABASE}. To begin anew with a SQLite file, remove {home.database}."
        )
    return None


def keep_address(home: Home, address: Address | None) -> None:
    """Note where the data are, without the password, so that nobody starts beside them unawares."""
    if address is not None:
        replace_file(home.database, f"{address.place}\n", mode=0o600)
