"""Who acted is known to those who may know it, not to the log, and can be forgotten."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from governance.audit.actor import AUDIENCE, current_identity, declared_identity
from governance.audit.errors import ActorError
from governance.audit.subjects import FileKeyRing, Subjects
from tests.governance.audit.conftest import Place, event

JANE = declared_identity(" Jane.Doe@Example.com ")
JOHN = declared_identity("john@example.com")


@pytest.fixture
def subjects(place: Place) -> Subjects:
    return Subjects(place.open().store, FileKeyRing(place.root / "subjects-keys"))  # type: ignore[arg-type]


def test_one_person_has_one_pseudonym_in_which_nothing_is_left_of_the_name(subjects: Subjects) -> None:
    jane = subjects.actor(JANE)
    assert subjects.actor(declared_identity("jane.doe@example.com")) == jane
    assert subjects.actor(JOHN).id != jane.id
    assert jane.source == "declared"
    assert "jane" not in jane.model_dump_json().lower()


def test_the_sealed_detail_opens_with_the_key_only(subjects: Subjects, place: Place) -> None:
    jane = subjects.actor(JANE)
    assert subjects.reveal(jane) == {"issuer": "e-mail", "subject": "jane.doe@example.com", "detail": {}}
    for file in (path for path in place.log_folder.rglob("*") if path.is_file()):
        assert b"jane" not in base64.b64decode(file.read_bytes()) + file.read_bytes()
    other = Subjects(subjects.store, FileKeyRing(place.root / "other-keys"))
    with pytest.raises(ActorError, match="was erased, or its key is not"):
        other.reveal(jane)


def test_keys_are_their_owners_alone(subjects: Subjects, place: Place) -> None:
    subjects.actor(JANE)
    (file,) = (place.root / "subjects-keys").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_erasing_a_person_leaves_every_proof_intact_and_nobody_to_find(subjects: Subjects, place: Place) -> None:
    jane, log = subjects.actor(JANE), place.open()
    log.append(event(0).model_copy(update={"actor": jane}))
    log.append(event(1))
    before = log.tree().root()
    subjects.erase(jane.id)
    with pytest.raises(ActorError, match="was erased"):
        subjects.reveal(log.entry(0).event.actor)
    assert place.verify()["ok"]
    assert place.open().tree().root() == before
    assert list((place.root / "subjects-keys").iterdir()) == []
    with pytest.raises(ActorError, match="No key belongs to"):
        subjects.erase(jane.id)
    assert subjects.actor(JANE).id != jane.id, "whoever comes back is somebody new"


def test_an_altered_or_missing_record_is_no_ones(subjects: Subjects, place: Place) -> None:
    jane, john = subjects.actor(JANE), subjects.actor(JOHN)
    files = {path.parent.name: path for path in (place.log_folder / "subjects").rglob("*") if path.is_file()}
    sealed = bytearray(files[jane.id].read_bytes())
    sealed[20] ^= 1
    files[jane.id].chmod(0o600)
    files[jane.id].write_bytes(bytes(sealed))
    files[john.id].unlink()
    with pytest.raises(ActorError, match="was altered"):
        subjects.reveal(jane)
    with pytest.raises(ActorError, match="no sealed record"):
        subjects.reveal(john)
    with pytest.raises(ActorError, match="no sealed record"):
        subjects.reveal(jane.model_copy(update={"detail": None}))


def test_a_record_cannot_be_passed_off_as_another_persons(subjects: Subjects, place: Place) -> None:
    jane, john = subjects.actor(JANE), subjects.actor(JOHN)
    files = {path.parent.name: path for path in (place.log_folder / "subjects").rglob("*") if path.is_file()}
    files[jane.id].chmod(0o600)
    files[jane.id].write_bytes(files[john.id].read_bytes())
    with pytest.raises(ActorError, match="was altered"):
        subjects.reveal(jane)


def test_two_processes_that_meet_a_person_first_agree_on_one_key(tmp_path: Path) -> None:
    ring = FileKeyRing(tmp_path / "ring")
    assert ring.create("a", b"1" * 32) == b"1" * 32
    assert ring.create("a", b"2" * 32) == b"1" * 32
    assert list(ring.every()) == [("a", b"1" * 32)]
    assert (ring.destroy("a"), ring.destroy("a"), ring.get("a")) == (True, False, None)


def test_on_a_laptop_it_is_the_user_of_zenml_or_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    import os
    import pwd

    me = pwd.getpwuid(os.getuid()).pw_name
    monkeypatch.setenv("LOGNAME", "jdoe")  # anybody can set this
    here = current_identity(environ={})
    assert (here.issuer, here.subject, here.source) == ("operating-system", me, "operating-system")
    zenml = current_identity("jane", environ={})
    assert (zenml.subject, zenml.source, zenml.detail) == ("jane", "zenml", {"account": me})


def test_a_container_whose_user_has_no_name_still_acts_as_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    import os
    import pwd

    def nameless(uid: int) -> str:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", nameless)
    assert current_identity(environ={}).subject == f"uid-{os.getuid()}"


GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_ACTOR": "octocat",
    "GITHUB_ACTOR_ID": "583231",
    "GITHUB_REPOSITORY": "acme/groundwork",
    "GITHUB_RUN_ID": "42",
    "GITHUB_WORKFLOW": "promote-production",
}


def test_in_ci_without_a_token_it_is_what_the_environment_says() -> None:
    identity = current_identity("ignored", environ=GITHUB)
    assert (identity.subject, identity.source) == ("583231", "ci-environment")
    assert identity.detail == {
        "actor": "octocat",
        "repository": "acme/groundwork",
        "run_id": "42",
        "workflow": "promote-production",
    }
    with pytest.raises(ActorError, match="names no actor_id"):
        current_identity(environ={"GITHUB_ACTIONS": "true"})


CLAIMS = {
    "iss": "https://token.actions.githubusercontent.com",
    "sub": "repo:acme/groundwork:environment:production",
    "actor_id": "583231",
    "actor": "octocat",
    "run_id": "42",
    "workflow_ref": "acme/groundwork/.github/workflows/promote.yml@refs/heads/main",
}


class _Issuer(BaseHTTPRequestHandler):
    """Answers as the token service of GitHub Actions does."""

    answer = b""

    def do_GET(self) -> None:
        allowed = self.headers["Authorization"] == "Bearer request-token" and f"audience={AUDIENCE}" in self.path
        self.send_response(200 if allowed else 403)
        self.end_headers()
        self.wfile.write(self.answer if allowed else b"{}")

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def issuer() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Issuer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    payload = base64.urlsafe_b64encode(json.dumps(CLAIMS).encode()).rstrip(b"=").decode()
    _Issuer.answer = json.dumps({"value": f"e30.{payload}.c2ln"}).encode()
    yield f"http://127.0.0.1:{server.server_address[1]}/token?api-version=2.0"
    server.shutdown()
    server.server_close()


def test_in_ci_with_a_token_it_is_what_the_issuer_says(issuer: str) -> None:
    environ = {
        **GITHUB,
        "GITHUB_ACTOR_ID": "1",
        "ACTIONS_ID_TOKEN_REQUEST_URL": issuer,
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request-token",
    }
    identity = current_identity(environ=environ)
    assert (identity.issuer, identity.subject, identity.source) == (CLAIMS["iss"], "583231", "oidc")
    assert identity.detail["sub"] == "repo:acme/groundwork:environment:production"


@pytest.mark.parametrize("answer", [b"{}", b"no json", b'{"value": "a"}', b'{"value": "a.W10.b"}', b'{"value": 3}'])
def test_an_issuer_that_gives_no_token_is_an_error_and_no_reason_to_believe_the_environment(
    issuer: str, answer: bytes
) -> None:
    _Issuer.answer = answer
    environ = {
        **GITHUB,
        "ACTIONS_ID_TOKEN_REQUEST_URL": issuer,
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request-token",
    }
    with pytest.raises(ActorError, match="OIDC token"):
        current_identity(environ=environ)
    with pytest.raises(ActorError, match="OIDC token"):
        current_identity(environ={**environ, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "wrong"})
    with pytest.raises(ActorError, match="no web address"):
        current_identity(environ={**environ, "ACTIONS_ID_TOKEN_REQUEST_URL": "file:///etc/passwd"})
