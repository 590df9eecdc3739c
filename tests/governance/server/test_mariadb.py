"""The server on MariaDB: what it holds outlives server and database, and nobody starts beside it unawares."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
import requests

from environments import load_platform
from governance.server.database import DATABASE, Address, address_of, keep_address
from governance.server.mariadb import TemporaryMariaDb
from governance.server.start import start, stop
from governance.server.state import ADMINISTRATOR, Home, ServerError
from tests.governance.served import Client, free_port


def test_an_address_is_read_as_it_is_written_and_shows_no_password() -> None:
    address = Address("db.example.com", 3307, "zenml", "some body", "p@ss/wörd:1", {"ssl": "true", "ssl_ca": "/ca.pem"})
    assert Address.parse(address.url) == address
    assert address.place == "db.example.com:3307/zenml"
    assert "ss/w" not in repr(address)


def test_a_server_whose_data_are_in_a_database_is_not_started_on_another(settings_directory: Path) -> None:
    home = Home.of(load_platform(settings_directory))
    assert address_of(home, {}) is None
    keep_address(home, Address("db.example.com", 3306, "zenml", "somebody", "hidden"))
    assert "hidden" not in home.database.read_text()
    with pytest.raises(ServerError, match=r"has its data in the database db\.example\.com:3306/zenml"):
        address_of(home, {})
    assert address_of(home, {DATABASE: "mysql://somebody:hidden@other:1/zenml"}) == Address(
        "other", 1, "zenml", "somebody", "hidden"
    )


@pytest.mark.slow
def test_what_the_server_holds_outlives_it_and_its_database(
    settings_directory: Path, mariadb: TemporaryMariaDb
) -> None:
    platform, port = load_platform(settings_directory), free_port()
    try:
        url = start(platform, port=port, database=mariadb.address, pages={})[0].url
        password = mariadb.address.password
        admin = _administrator(platform_home := Home.of(platform), url)
        project = admin("GET", "projects/default").json()["id"]
        made = admin.made("models", {"name": "kept", "project": project})
        process = psutil.Process(platform_home.services()[0].process.pid)
        assert password not in " ".join(process.cmdline()) + platform_home.log.read_text(errors="replace")
        assert not platform_home.sqlite.exists()

        mariadb.kill()
        assert admin("GET", f"models/{made}").status_code >= 500, "nothing is made up"
        mariadb.start()
        assert admin("GET", f"models/{made}").json()["name"] == "kept", "the server finds its database again"

        stop(platform)
        start(platform, port=port, database=mariadb.address, pages={})
        assert _administrator(platform_home, url)("GET", f"models/{made}").json()["name"] == "kept"
    finally:
        stop(platform)


def _administrator(home: Home, url: str) -> Client:
    form = {"username": ADMINISTRATOR, "password": home.password.read_text().split("password: ")[1].strip()}
    answer = requests.post(f"{url}/api/v1/login", data=form, timeout=30)
    assert answer.ok, answer.text
    return Client(f"{url}/api/v1", {"Authorization": f"Bearer {answer.json()['access_token']}"})
