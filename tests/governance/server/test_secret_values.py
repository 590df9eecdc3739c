"""Values of secrets are encrypted at rest, also those of a server that began without, and lost with their key alone."""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from environments import load_platform
from governance.server.mariadb import TemporaryMariaDb
from governance.server.secret_values import Values, fingerprint, held_key, keep_encrypted, look_at_values
from governance.server.state import Home, ServerError

HIDDEN = "hunter2-hunter2"


def plain(value: str = HIDDEN) -> str:
    """Return what ZenML keeps without a key."""
    return base64.b64encode(json.dumps({"token": value}).encode()).decode()


@pytest.fixture
def home(settings_directory: Path) -> Home:
    """A server's folder, with a database in which two secrets are plain and one has no values."""
    home = Home.of(load_platform(settings_directory))
    home.folder.mkdir(parents=True)
    with closing(sqlite3.connect(home.sqlite)) as database, database:
        database.execute("CREATE TABLE secret (id CHAR(32) PRIMARY KEY, name VARCHAR, `values` VARCHAR)")
        rows = [("1", "bucket", plain()), ("2", "registry", plain()), ("3", "without", None)]
        database.executemany("INSERT INTO secret VALUES (?, ?, ?)", rows)
    return home


def url(home: Home) -> str:
    return f"sqlite:///{home.sqlite}"


def kept(home: Home) -> list[str | None]:
    with closing(sqlite3.connect(home.sqlite)) as database:
        return [row[0] for row in database.execute("SELECT `values` FROM secret ORDER BY id")]


def test_what_was_plain_is_encrypted_once_and_what_is_added_plain_the_next_time(home: Home) -> None:
    key, found = keep_encrypted(home, url(home))
    assert found == Values(plain=("bucket", "registry"))
    assert (held_key(home), home.secrets_key.stat().st_mode & 0o777) == (key, 0o600)
    encrypted = kept(home)
    assert plain() not in encrypted
    assert encrypted[2] is None
    assert keep_encrypted(home, url(home)) == (key, Values())
    assert kept(home) == encrypted, "nothing was written anew"
    assert look_at_values(url(home), None).unreadable == ("bucket", "registry")
    with closing(sqlite3.connect(home.sqlite)) as database, database:
        database.execute("UPDATE secret SET `values` = ? WHERE id = '3'", [plain()])
    assert keep_encrypted(home, url(home))[1] == Values(plain=("without",))
    assert kept(home)[:2] == encrypted[:2]


@pytest.mark.parametrize("wrong", ["another", "none"])
def test_without_its_key_nothing_starts_and_nothing_changes_unless_told_to_forget(home: Home, wrong: str) -> None:
    key, _ = keep_encrypted(home, url(home))
    before = kept(home)
    home.secrets_key.unlink()
    if wrong == "another":
        home.secrets_key.write_text("f" * 64)
    with pytest.raises(ServerError, match=r"bucket, registry were encrypted with a key that .*secrets\.key does not"):
        keep_encrypted(home, url(home))
    assert kept(home) == before
    assert home.secrets_key.exists() == (wrong == "another"), "no new key is made beside values of another"
    new, found = keep_encrypted(home, url(home), forget=True)
    assert new != key
    assert found == Values(unreadable=("bucket", "registry"))
    assert look_at_values(url(home), new) == Values()
    assert kept(home)[2] is None


def test_a_key_that_was_emptied_is_not_taken_for_one(home: Home) -> None:
    keep_encrypted(home, url(home))
    home.secrets_key.write_text("\n")
    with pytest.raises(ServerError, match="holds no key"):
        keep_encrypted(home, url(home), forget=True)


def test_a_key_is_told_from_others_without_being_given_away() -> None:
    assert fingerprint("a") != fingerprint("b")
    assert "a" * 64 not in fingerprint("a" * 64)


def test_zenml_reads_what_was_encrypted_here(zenml_store: Path, settings_directory: Path) -> None:
    from zenml.client import Client
    from zenml.zen_stores.secrets_stores.sql_secrets_store import SqlSecretsStoreConfiguration
    from zenml.zen_stores.sql_zen_store import SqlZenStore, SqlZenStoreConfiguration

    made = Client().create_secret("bucket", {"token": HIDDEN})
    home = Home.of(load_platform(settings_directory))
    home.folder.mkdir(parents=True)
    where = Client().zen_store.config.url
    key, found = keep_encrypted(home, where)
    assert found.plain == ("bucket",)
    config = SqlZenStoreConfiguration(url=where, secrets_store=SqlSecretsStoreConfiguration(encryption_key=key))
    store = SqlZenStore(config=config, skip_default_registrations=True, skip_migrations=True)
    assert store.get_secret(made.id).secret_values == {"token": HIDDEN}
    with pytest.raises(KeyError, match="could not be decoded"):
        Client().get_secret(made.id)


def test_on_mariadb_too(home: Home, mariadb: TemporaryMariaDb) -> None:
    import pymysql

    address = mariadb.address
    to = {"host": address.host, "port": address.port, "user": address.user, "password": address.password}
    with closing(pymysql.connect(**to, database=address.name, autocommit=True)) as database:
        with database.cursor() as cursor:
            cursor.execute("CREATE TABLE secret (id CHAR(32), name VARCHAR(255), `values` MEDIUMTEXT)")
            cursor.execute("INSERT INTO secret VALUES ('1', 'bucket', %s)", [plain()])
        _, found = keep_encrypted(home, address.url)
        assert found.plain == ("bucket",)
        with database.cursor() as cursor:
            cursor.execute("SELECT `values` FROM secret")
            assert cursor.fetchall() != ((plain(),),)
    assert keep_encrypted(home, address.url)[1] == Values()
    mariadb.kill()
    with pytest.raises(ServerError, match="does not answer") as said:
        keep_encrypted(home, address.url)
    assert address.password not in str(said.value)
    assert "\n" not in str(said.value)
