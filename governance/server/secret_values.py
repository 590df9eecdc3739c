"""Values of ZenML's secrets at rest: encrypted with a key that lies beside the server, never in its database."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from environments.files import replace_file, sha256_hex
from governance.server.state import Home, ServerError

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy_utils.types.encrypted.encrypted_type import AesGcmEngine

_TABLE = "secret"
_SHOWN = 5
"""Secrets that a message names."""


@dataclass(frozen=True)
class Values:
    """How the values of a database's secrets are kept, by the secrets' names."""

    plain: tuple[str, ...] = ()
    """Anybody who has the database reads these."""
    unreadable: tuple[str, ...] = ()
    """The key does not open these."""


def held_key(home: Home) -> str | None:
    """Return the key of the server in ``home``, if there is one.

    Raises:
        ServerError: the file is empty.
    """
    if not home.secrets_key.exists():
        return None
    key = home.secrets_key.read_text(encoding="utf-8").strip()
    if not key:
        raise ServerError(
            f"{home.secrets_key} holds no key: put back the one that values of secrets are encrypted with."
        )
    return key


def fingerprint(key: str) -> str:
    """Return what tells ``key`` from others without giving it away."""
    return sha256_hex(f"key of secrets' values\n{key}")


def variables_of(key: str | None) -> Mapping[str, str]:
    """Return the variables by which ZenML's server encrypts with ``key``; without one it does not."""
    return {} if key is None else {"ZENML_SECRETS_STORE_TYPE": "sql", "ZENML_SECRETS_STORE_ENCRYPTION_KEY": key}


def look_at_values(url: str, key: str | None) -> Values:
    """Say how values of secrets in the database at ``url``, an address as ZenML reads it, are kept."""
    with _connected(url) as connection:
        kept = [(name, *_read(value, key)) for _, name, value in _rows(connection)]
    return Values(
        tuple(name for name, plain, _ in kept if plain),
        tuple(name for name, plain, opened in kept if not (plain or opened)),
    )


def keep_encrypted(home: Home, url: str | None, *, forget: bool = False) -> tuple[str, Values]:
    """Return the key of the server in ``home``, made if there is none, once all values are encrypted with it.

    Args:
        home: the server's folder. It must not be running.
        url: address of its database, as ZenML reads it; None where there is none yet.
        forget: empty the values that the key does not open, rather than refuse.

    Returns:
        The key, and what was plain and what was emptied.

    Raises:
        ServerError: there are values that the key does not open, or there is none for them; nothing was changed.
    """
    key = held_key(home)
    found = Values() if url is None else look_at_values(url, key)
    if found.unreadable and not forget:
        raise ServerError(
            f"The values of {named(found.unreadable)} were encrypted with a key that {home.secrets_key} does not hold. "
            "Put it there; if it is lost, FORGET_SECRETS=1 empties these values, to be set anew."
        )
    if key is None:
        # First: what is encrypted with a key that was never kept is lost.
        key = secrets.token_hex(32)
        replace_file(home.secrets_key, key, mode=0o600)
    if url is not None and found != Values():
        with _connected(url) as connection:
            _encrypt(connection, key)
    return key, found


def named(names: tuple[str, ...]) -> str:
    """Return ``names`` for a message: some of them, where there are many."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def _encrypt(connection: Connection, key: str) -> None:
    from sqlalchemy import text

    cipher, change = _cipher(key), text(f"UPDATE `{_TABLE}` SET `values` = :kept WHERE id = :id")  # noqa: S608
    for identifier, _, value in list(_rows(connection)):
        plain, opened = _read(value, key)
        if not opened:
            connection.execute(change, {"kept": cipher.encrypt(plain or "{}"), "id": identifier})


def _rows(connection: Connection) -> Iterator[tuple[str, str, str]]:
    """Yield id, name and kept values of each secret; nothing where ZenML has not made its tables yet."""
    from sqlalchemy import inspect, text

    if inspect(connection).has_table(_TABLE):
        every = connection.execute(text(f"SELECT id, name, `values` FROM `{_TABLE}` ORDER BY name"))  # noqa: S608
        for identifier, name, value in every:
            if value is not None:
                yield identifier, str(name), value if isinstance(value, str) else bytes(value).decode()


def _read(value: str, key: str | None) -> tuple[str | None, bool]:
    """Return what ``value`` is as plain JSON, if it is, and whether ``key`` opens it."""
    from sqlalchemy_utils.types.encrypted.encrypted_type import InvalidCiphertextError

    try:
        if key is not None and _cipher(key).decrypt(value):
            return None, True
    except (ValueError, InvalidCiphertextError):
        pass
    try:
        plain = base64.b64decode(value).decode()
        json.loads(plain)
    except ValueError:
        return None, False
    return plain, False


def _cipher(key: str) -> AesGcmEngine:
    """Return ZenML's own cipher."""
    from sqlalchemy_utils.types.encrypted.encrypted_type import AesGcmEngine

    cipher = AesGcmEngine()
    cipher._update_key(key)
    return cipher


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    """Yield a connection to the database at ``url``, within one transaction.

    Raises:
        ServerError: it does not answer.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError
    from zenml.zen_stores.sql_zen_store import SqlZenStoreConfiguration

    address, arguments, _ = SqlZenStoreConfiguration(url=url).get_sqlalchemy_config()
    engine = create_engine(address, connect_args=arguments)
    try:
        with engine.begin() as connection:
            yield connection
    except SQLAlchemyError as error:
        said = str(getattr(error, "orig", error)).partition("\n")[0]
        raise ServerError(f"The database of the server does not answer: {said}") from error
    finally:
        engine.dispose()
