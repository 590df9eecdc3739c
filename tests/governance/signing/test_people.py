"""People sign with their SSH keys: whose signature it is comes from who is declared, never from what is said."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from environments import load_platform
from environments.people import PersonKey, PersonSettings
from governance.audit.actor import account_identity, declared_identity, github_identity
from governance.cli import common
from governance.cli.people import signers
from governance.core.target import Target, target_for
from governance.signing import people as signing
from governance.signing import ssh, statements
from governance.signing.errors import NotConfirmedError, SigningError
from governance.signing.people import People, people_of
from governance.signing.signatories import Signatory, choose_signatory, demo_key
from governance.signing.statements import OverrideStatement, Signed, sign_statement
from tests.governance.conftest import CANCER

GRACE, EDSGER = "grace@example.com", "edsger@example.com"
NOW = datetime.now(UTC)
OVERRIDE = OverrideStatement(
    environment="production",
    cloud="local",
    model=CANCER,
    policy_version="policy-1",
    gate="fairness",
    reason="too few rows",
    expires=NOW + timedelta(hours=1),
)


@pytest.fixture
def target(settings_directory: Path) -> Target:
    return target_for(load_platform(settings_directory), CANCER, "production")


def public(signatory: Signatory) -> str:
    return " ".join(signatory.key.with_name(f"{signatory.email}.pub").read_text().split()[:2])


def people(email: str, signatory: Signatory, **limits: datetime) -> People:
    return People({email: PersonSettings(keys=(PersonKey(key=public(signatory), **limits),))}, "people.yaml")


def test_a_signature_is_its_signers_and_nobody_elses(target: Target) -> None:
    grace, edsger = demo_key(target, GRACE, "account:grace", "github:583231"), demo_key(target, EDSGER)
    known = people_of(target)
    signature = ssh.sign(b"agreed", grace.key)
    signer = known.signer_of(b"agreed", signature, NOW)
    assert signer.emails == (GRACE,)
    assert signer == known.named("github:583231") == known.named("account:grace") == known.named("Grace@Example.com")
    assert known.signer_of(b"agreed", ssh.sign(b"agreed", edsger.key), NOW).email == EDSGER
    with pytest.raises(SigningError, match="does not hold"):
        known.signer_of(b"agreed to more", signature, NOW)
    with pytest.raises(SigningError, match="no allowed signer"):
        people(EDSGER, edsger).signer_of(b"agreed", signature, NOW)


def test_a_signature_for_another_purpose_is_none(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who signed a commit with these very bytes did not approve anything."""
    grace = demo_key(target, GRACE)
    with monkeypatch.context() as patch:
        patch.setattr(ssh, "NAMESPACE", "git")
        commit = ssh.sign(b"agreed", grace.key)
    monkeypatch.setattr(signing, "NAMESPACE", "promotion@groundwork,git")  # so that only the verifier's check is left
    with pytest.raises(SigningError, match="namespace"):
        people(GRACE, grace).signer_of(b"agreed", commit, NOW)


def test_a_key_counts_only_while_it_is_valid(target: Target) -> None:
    grace = demo_key(target, GRACE)
    first, last = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    limited = people(GRACE, grace, valid_after=first, valid_before=last)
    signature = ssh.sign(b"agreed", grace.key)
    assert limited.signer_of(b"agreed", signature, datetime(2026, 2, 1, tzinfo=UTC)).email == GRACE
    for outside in (datetime(2025, 12, 31, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)):
        with pytest.raises(SigningError, match="no allowed signer had at"):
            limited.signer_of(b"agreed", signature, outside)


def test_who_shares_a_login_on_this_machine_is_one_person(target: Target) -> None:
    """Whoever runs the demo and then adds a team with keys made here is one person with two addresses."""
    demo_key(target, "demo@example.com", "account:me")
    demo_key(target, EDSGER)
    grace = demo_key(target, GRACE, "account:me")
    known = people_of(target)
    assert known.named(GRACE) == known.named("demo@example.com") == known.named("account:me") != known.named(EDSGER)
    assert known.signer_of(b"agreed", ssh.sign(b"agreed", grace.key), NOW).emails == (GRACE, "demo@example.com")


def test_every_name_of_a_person_is_found_in_the_log(target: Target, tmp_path: Path) -> None:
    from governance.audit.store import LocalStore
    from governance.audit.subjects import FileKeyRing, Subjects

    (tmp_path / "log").mkdir()
    subjects = Subjects(LocalStore(tmp_path / "log"), FileKeyRing(tmp_path / "ring"))
    demo_key(target, GRACE, "account:grace", "github:583231")
    known = people_of(target)
    for identity in (declared_identity(GRACE), account_identity("grace"), github_identity("583231")):
        found = known.behind(subjects.actor(identity).id, subjects)
        assert found is not None
        assert found.email == GRACE
    assert known.behind(subjects.actor(account_identity("mallory")).id, subjects) is None


def test_nobody_signs_under_another_name(target: Target) -> None:
    grace, statement = demo_key(target, GRACE), OVERRIDE
    demo_key(target, EDSGER)
    signed, person = sign_statement(statement, grace, people_of(target), NOW, shown="")
    assert person.email == GRACE
    assert b"@" not in signed.message, "a statement cannot be erased, so it names nobody"
    with pytest.raises(SigningError, match=rf"is the key of {GRACE}, not of {EDSGER}"):
        sign_statement(statement, Signatory(EDSGER, grace.key), people_of(target), NOW, shown="")
    with pytest.raises(SigningError, match=r"no key that .* declares"):
        sign_statement(statement, grace, People({}, "people.yaml"), NOW, shown="")
    altered = Signed(statement=statement.model_copy(update={"gate": "drift"}), signature=signed.signature)
    with pytest.raises(SigningError, match="does not hold"):
        altered.signer(people_of(target), NOW)


def test_who_signs_is_given_or_gits_and_a_missing_key_is_said(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SigningError, match="Who signs"):
        choose_signatory(target)
    with pytest.raises(SigningError, match=f"No SSH key of {GRACE}"):
        choose_signatory(target, GRACE)
    mine = tmp_path / "mine"
    mine.write_text("a key")
    (tmp_path / "gitconfig").write_text(
        f"[user]\n\temail = {GRACE}\n\tsigningkey = {mine}\n[gpg]\n\tformat = ssh\n", encoding="utf-8"
    )
    assert choose_signatory(target) == Signatory(GRACE, mine)
    made = demo_key(target, GRACE)
    assert choose_signatory(target) == made, "on this machine the ground's own key comes first"
    assert choose_signatory(target, key=mine) == Signatory(GRACE, mine)
    with pytest.raises(SigningError, match="ssh-keygen could not sign"):
        ssh.sign(b"agreed", mine)
    with pytest.raises(SigningError, match="There is no SSH key"):
        ssh.sign(b"agreed", tmp_path / "none")


def test_demo_keys_are_their_owners_only_and_never_made_on_a_cloud(target: Target) -> None:
    made = demo_key(target, GRACE)
    again = demo_key(target, GRACE)
    assert made == again
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.key.parent.stat().st_mode) == 0o700
    assert people_of(target).allowed_signers.count("\n") == 1
    with pytest.raises(SigningError, match="CLOUD=local only"):
        demo_key(target_for(target.platform, CANCER, "production", "aws"), GRACE)
    with pytest.raises(SigningError, match="no e-mail address"):
        demo_key(target, "../../etc/passwd")


def test_the_command_shows_signers_as_ssh_keygen_reads_them(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer()
    app.command()(signers)
    monkeypatch.setenv("GROUNDWORK_ENVIRONMENTS", str(target.platform.directory))
    assert "Nobody has a key in" in CliRunner().invoke(app).output
    grace = demo_key(target, GRACE)
    shown = CliRunner().invoke(app).stdout
    assert ssh.principals_of(b"agreed", ssh.sign(b"agreed", grace.key), shown, NOW) == [GRACE]
    assert json.loads(CliRunner().invoke(app, ["--json"]).stdout)["allowed_signers"] == shown.splitlines()


def test_nothing_is_signed_before_its_signer_saw_it_and_agreed(
    target: Target, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    demo_key(target, GRACE)

    def sign(*, terminal: bool, yes: bool, answer: bool = False) -> bool:
        monkeypatch.setattr(common, "somebody_is_there", lambda: terminal)
        monkeypatch.setattr(typer, "confirm", lambda _, err: answer)
        by = common.signatory(target, GRACE, None, yes=yes)
        for _ in range(2):  # a release asks for the same again when its approval came
            sign_statement(OVERRIDE, by, people_of(target), NOW, shown="gate 'fairness' may be passed")
        return True

    for terminal, answer, why in ((False, True, "nobody is there to be asked. YES=1"), (True, False, "Nothing was")):
        with monkeypatch.context() as patch, pytest.raises(NotConfirmedError, match=why):
            patch.setattr(statements, "sign", lambda *_: pytest.fail("the key was used"))
            sign(terminal=terminal, yes=False, answer=answer)
        assert "grace@example.com would sign: gate 'fairness' may be passed" in capsys.readouterr().err
    assert sign(terminal=True, yes=False, answer=True)
    assert sign(terminal=False, yes=True)
    assert capsys.readouterr().err.count("would sign") == 2, "shown also to who said yes beforehand, and once"
