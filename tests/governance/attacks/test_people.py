"""One person is one person, however they are spelt, and signs only as who is declared."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from environments import SettingsError, load_platform
from governance.core.target import target_for
from governance.signing import people, ssh
from governance.signing.errors import SigningError
from governance.signing.people import known_people, people_of
from governance.signing.signatories import demo_key
from tests.conftest import edit_yaml
from tests.governance.conftest import CANCER

GRACE, OTHER = "grace@example.com", "other@example.com"


def wire(kind: str, *fields: bytes, more: bytes = b"") -> str:
    """A public key in OpenSSH's form, of these fields behind its type."""
    data = b"".join(struct.pack(">I", len(field)) + field for field in (kind.encode(), *fields))
    return f"{kind} {base64.b64encode(data + more).decode()}"


KEY = wire("ssh-ed25519", bytes(range(32)))
CURVE = wire("ecdsa-sha2-nistp256", b"nistp256", bytes(65))
NUMBER = b"\x7f" + bytes(range(31))


def declare(settings: Path, people: Mapping[str, Any]) -> None:
    (settings / "people.yaml").write_text(yaml.safe_dump({"people": people}), encoding="utf-8")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (GRACE, "grace@example.com."),
        (GRACE, "Grace@example.com"),
        ("github:1", "github:01"),
        ("account:grace", "Account:grace"),
        (GRACE, "grace@example\N{FULLWIDTH FULL STOP}com"),
        (GRACE, "\N{FULLWIDTH LATIN SMALL LETTER G}race@example.com"),
    ],
)
def test_one_person_approves_as_two_by_another_spelling(settings_directory: Path, first: str, second: str) -> None:
    kind = "accounts" if ":" in first else "emails"
    declare(settings_directory, {"a@example.com": {kind: [first]}, "b@example.com": {kind: [second]}})
    with pytest.raises(SettingsError, match=r"people\.yaml:\n  people\.b@.* is another spelling of .*; write "):
        load_platform(settings_directory)


@pytest.mark.parametrize("cyrillic", ["gr\N{CYRILLIC SMALL LETTER A}ce@example.com", "grace@ex\u200bample.com"])
def test_one_person_approves_as_two_by_letters_that_look_alike(settings_directory: Path, cyrillic: str) -> None:
    declare(settings_directory, {GRACE: {}, OTHER: {"emails": [cyrillic]}})
    with pytest.raises(SettingsError, match="does not match"):
        load_platform(settings_directory)


@pytest.mark.parametrize(
    ("first", "second", "what"),
    [
        ({"emails": ["g@example.com"]}, {"emails": ["g@example.com"]}, "g@example.com"),
        ({}, {"emails": [GRACE]}, GRACE),
        ({"accounts": ["github:7"]}, {"accounts": ["github:7"]}, "github:7"),
        ({"accounts": ["account:grace"]}, {"accounts": ["account:Grace"]}, "account:Grace"),
        ({"keys": [{"key": KEY}]}, {"keys": [{"key": KEY}]}, "ssh-ed25519"),
    ],
)
def test_two_people_share_what_tells_them_apart(
    settings_directory: Path, first: Mapping[str, Any], second: Mapping[str, Any], what: str
) -> None:
    declare(settings_directory, {GRACE: first, OTHER: second})
    with pytest.raises(SettingsError, match=rf"'{what}.*' is {GRACE}'s and {OTHER}'s"):
        load_platform(settings_directory)
    declare(settings_directory, {GRACE: first})
    assert load_platform(settings_directory).people.keys() == {GRACE}, "alone it is theirs"


@pytest.mark.parametrize(
    "spelt",
    [
        CURVE.replace("A=", "B="),  # the last bits of base64 say nothing
        CURVE.rstrip("="),
        f"{KEY} grace@laptop",
        KEY.replace(" ", "  "),
        wire("ssh-ed25519", bytes(range(32)), more=b"\0\0\0\0"),
        wire("ssh-ed25519", bytes(31)),
        wire("ssh-ed25519-cert-v01@openssh.com", bytes(32), bytes(32)),
        wire("ssh-rsa", b"\1\0\1", b"\0" + NUMBER),
        "ssh-ed25519 AAAA",
        "grace",
    ],
)
def test_one_key_passes_for_two_by_another_spelling(settings_directory: Path, spelt: str) -> None:
    for good in (KEY, CURVE, wire("ssh-rsa", b"\1\0\1", NUMBER)):
        declare(settings_directory, {GRACE: {"keys": [{"key": good}]}})
        load_platform(settings_directory)
    declare(settings_directory, {GRACE: {"keys": [{"key": KEY}]}, OTHER: {"keys": [{"key": spelt}]}})
    said = r"people\.other@example\.com\.keys\.0\.key: (another spelling of a key|no public SSH key)"
    with pytest.raises(SettingsError, match=said):
        load_platform(settings_directory)


def test_somebody_signs_by_a_line_of_allowed_signers_of_their_own(settings_directory: Path) -> None:
    (settings_directory / "allowed_signers").write_text(f"mallory@example.com {KEY}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"allowed_signers is not read any more.*people\.yaml"):
        load_platform(settings_directory)


def test_a_member_holds_two_roles_by_two_addresses(settings_directory: Path) -> None:
    declare(settings_directory, {GRACE: {"emails": ["audit@example.com"]}})
    with pytest.raises(SettingsError, match=r"oncology\.yaml: .*grace@.* and audit@.* are one person"):
        load_platform(settings_directory)


@pytest.mark.parametrize("spelt", ["Grace@example.com", "grace@example.com."])
def test_a_member_gets_a_second_role_by_another_spelling(settings_directory: Path, spelt: str) -> None:
    edit_yaml(
        settings_directory / "teams" / "oncology.yaml",
        lambda raw: raw["environments"]["production"]["members"].update({spelt: "platform-admin"}),
    )
    with pytest.raises(SettingsError, match=r"oncology\.yaml"):
        load_platform(settings_directory)


def test_a_local_root_makes_one_of_two_declared_people(settings_directory: Path) -> None:
    declare(settings_directory, {GRACE: {"accounts": ["account:grace"]}, OTHER: {}})
    target = target_for(load_platform(settings_directory), CANCER, "production")
    demo_key(target, GRACE, "account:grace")
    assert people_of(target).named("account:grace") == people_of(target).named(GRACE)
    demo_key(target, OTHER, "account:grace")
    with pytest.raises(SigningError, match=rf"has what belongs to {GRACE} and {OTHER}, who are two people"):
        people_of(target)


def test_a_local_root_speaks_for_clouds_or_brings_a_withdrawn_key_back(
    settings_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = target_for(load_platform(settings_directory), CANCER, "production")
    made = demo_key(target, GRACE)
    key = " ".join(made.key.with_name(f"{GRACE}.pub").read_text().split()[:2])
    assert key in people_of(target).allowed_signers
    # As where local.root is the checkout's own .groundwork, in which what belongs to clouds lies too.
    monkeypatch.setattr(people, "_folder", lambda *_: made.key.parent)
    assert key not in known_people(target.platform, target.environment, "aws").allowed_signers
    declare(settings_directory, {GRACE: {"keys": [{"key": key, "valid_before": "2026-01-01T00:00:00Z"}]}})
    again = target_for(load_platform(settings_directory), CANCER, "production")
    assert people_of(again).allowed_signers == (
        f'{GRACE} namespaces="{ssh.NAMESPACE}",valid-before="20260101000000" {key}\n'
    )


def content(settings: Path) -> object:
    platform = load_platform(settings)
    return known_people(platform, platform.environment("production"), "aws").content


def test_what_says_who_may_sign_is_the_same_however_it_is_written(settings_directory: Path) -> None:
    file = settings_directory / "people.yaml"
    declare(settings_directory, {GRACE: {"keys": [{"key": KEY}]}, OTHER: {}})
    before = content(settings_directory)
    file.write_text(f"# who\npeople: {{{OTHER}: {{accounts: []}}, {GRACE}: {{keys: [{{key: '{KEY}'}}]}}}}\n")
    assert content(settings_directory) == before
    declare(settings_directory, {GRACE: {"keys": [{"key": KEY}], "accounts": ["github:7"]}, OTHER: {}})
    assert content(settings_directory) != before
    file.unlink()
    assert content(settings_directory) == []
