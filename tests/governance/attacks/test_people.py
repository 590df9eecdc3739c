"""One person is one person, however they are spelt."""

from __future__ import annotations

from pathlib import Path

import pytest

from environments import SettingsError, load_platform
from governance.signing.errors import SigningError
from governance.signing.people import People
from tests.conftest import copy_settings, edit_yaml

KEYS = ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB==")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("grace@example.com", "grace@example.com."),
        ("github:1", "github:01"),
        ("grace@example.com", "grace@example\N{FULLWIDTH FULL STOP}com"),
        ("grace@example.com", "\N{FULLWIDTH LATIN SMALL LETTER G}race@example.com"),
    ],
)
def test_one_person_approves_as_two_by_another_spelling(first: str, second: str) -> None:
    with pytest.raises(SigningError, match=r"line 2: .* is another spelling of"):
        People(f"{first} {KEYS[0]}\n{second} {KEYS[1]}\n", "allowed_signers")


def test_one_person_approves_as_two_by_capitals() -> None:
    people = People(f"grace@example.com {KEYS[0]}\nGrace@Example.com {KEYS[1]}\n", "allowed_signers")
    assert people.named("GRACE@example.com") is people.named("grace@example.com")


@pytest.mark.parametrize("spelt", ["Grace@example.com", "grace@example.com."])
def test_a_member_gets_a_second_role_by_another_spelling(tmp_path: Path, spelt: str) -> None:
    settings = copy_settings(tmp_path)
    edit_yaml(
        settings / "teams" / "oncology.yaml",
        lambda raw: raw["environments"]["production"]["members"].update({spelt: "platform-admin"}),
    )
    with pytest.raises(SettingsError, match=r"oncology\.yaml"):
        load_platform(settings)
