"""Checkpoints are C2SP signed notes that nobody can alter, and keys are kept from others."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from governance.audit import verify as standalone
from governance.audit.checkpoint import Checkpoint, open_checkpoint, open_note, sign_note
from governance.audit.errors import SignatureError
from governance.audit.merkle import leaf_hash
from governance.audit.signer import FileSigner, Verifier, read_public_keys
from tests.governance.audit.conftest import ORIGIN

# The example in the documentation of golang.org/x/mod/sumdb/note, where the format comes from.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


@pytest.fixture
def signer(tmp_path: Path) -> FileSigner:
    return FileSigner.create(tmp_path / "key.pem", ORIGIN)


@pytest.fixture
def note(signer: FileSigner) -> bytes:
    return Checkpoint(ORIGIN, 7, leaf_hash(b"seven")).signed(signer)


def test_the_published_signed_note_is_read() -> None:
    key = Verifier.parse(GO_KEY)
    assert str(key) == GO_KEY
    assert open_note(GO_NOTE.encode(), [key]) == GO_NOTE.partition("\n\n")[0] + "\n"


def test_a_checkpoint_reads_back_in_both_verifiers(signer: FileSigner, note: bytes) -> None:
    assert note.decode().split("\n")[:3] == [ORIGIN, "7", base64.b64encode(leaf_hash(b"seven")).decode()]
    assert open_checkpoint(note, [signer.verifier], ORIGIN) == Checkpoint(ORIGIN, 7, leaf_hash(b"seven"))
    keys = standalone.read_keys(str(signer.verifier))
    assert standalone.open_checkpoint(note, keys, ORIGIN) == (7, leaf_hash(b"seven"))


def test_every_byte_of_a_checkpoint_counts(signer: FileSigner, note: bytes) -> None:
    keys = standalone.read_keys(str(signer.verifier))
    for position in range(len(note)):
        for flip in (0x01, 0x20, 0x80):
            altered = bytearray(note)
            altered[position] ^= flip
            with pytest.raises(SignatureError):
                open_checkpoint(bytes(altered), [signer.verifier], ORIGIN)
            with pytest.raises(standalone.BadSignatureError):
                standalone.open_checkpoint(bytes(altered), keys, ORIGIN)


@pytest.mark.parametrize(
    "text",
    [
        f"{ORIGIN}\n7\n",
        f"{ORIGIN}\nseven\n{'A' * 43}=\n",
        f"{ORIGIN}\n07\n{'A' * 43}=\n",
        f"{ORIGIN}\n-7\n{'A' * 43}=\n",
        f"{ORIGIN}\n7\nAAAA\n",
        f"{ORIGIN}\n7\n{'A' * 43}=\nmore\n",
        f"acme-ml/audit/production\n7\n{'A' * 43}=\n",
    ],
)
def test_what_is_signed_but_no_checkpoint_of_this_log_is_refused(signer: FileSigner, text: str) -> None:
    note = sign_note(text, signer)
    with pytest.raises(SignatureError, match="checkpoint"):
        open_checkpoint(note, [signer.verifier], ORIGIN)
    with pytest.raises(standalone.BadSignatureError):
        standalone.open_checkpoint(note, standalone.read_keys(str(signer.verifier)), ORIGIN)


def test_a_witness_may_sign_as_well_but_not_instead(signer: FileSigner, note: bytes, tmp_path: Path) -> None:
    witness = FileSigner.create(tmp_path / "witness.pem", "witness.example/w1")
    body = note.decode().partition("\n\n")[0] + "\n"
    second = sign_note(body, witness).decode().rpartition("\n\n")[2]
    assert open_checkpoint(note + second.encode(), [signer.verifier], ORIGIN).size == 7
    with pytest.raises(SignatureError, match="No signature by"):
        open_checkpoint(sign_note(body, witness), [signer.verifier], ORIGIN)


@pytest.mark.parametrize("note", [b"", b"text\n", b"\xff\xfe\n\n\n", b"a\n\n- b c\n", "a\n\n\u2014 b\n".encode()])
def test_what_is_no_signed_note_is_refused(signer: FileSigner, note: bytes) -> None:
    with pytest.raises(SignatureError):
        open_note(note, [signer.verifier])


def test_a_key_is_made_for_its_owner_alone_and_never_replaced_by_making_one(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "audit.pem"
    made = FileSigner.create(file, ORIGIN)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert read_public_keys(file.with_suffix(".pub")) == (made.verifier,)
    with pytest.raises(FileExistsError):
        FileSigner.create(file, ORIGIN)
    assert FileSigner.load(file, ORIGIN).verifier == made.verifier
    assert sorted(path.name for path in file.parent.iterdir()) == ["audit.pem", "audit.pub"]


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "audit.pem"
    FileSigner.create(file, ORIGIN)
    file.chmod(0o640)
    with pytest.raises(SignatureError, match=r"mode 640.*chmod 600"):
        FileSigner.load(file, ORIGIN)


def test_what_is_no_ed25519_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "audit.pem"
    with pytest.raises(SignatureError, match="cannot be read"):
        FileSigner.load(file, ORIGIN)
    file.touch(0o600)
    with pytest.raises(SignatureError, match="no unencrypted private key"):
        FileSigner.load(file, ORIGIN)
    rsa = generate_private_key(65537, 2048)
    file.write_bytes(rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(SignatureError, match="signs with Ed25519"):
        FileSigner.load(file, ORIGIN)


def test_a_replaced_key_stays_known(tmp_path: Path) -> None:
    file = tmp_path / "audit.pem"
    old = FileSigner.create(file, ORIGIN)
    new = FileSigner.replace(file, ORIGIN)
    assert FileSigner.load(file, ORIGIN).verifier == new.verifier != old.verifier
    assert read_public_keys(file.with_suffix(".pub")) == (old.verifier, new.verifier)
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb"])
def test_a_name_that_a_note_cannot_carry_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SignatureError, match="free of spaces"):
        FileSigner.create(tmp_path / "audit.pem", name)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000",
        "name+00000000+????",
        GO_KEY.replace("c74f20a3", "c74f20a4"),
        GO_KEY[:-4],
        "+" + GO_KEY,
    ],
)
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(SignatureError, match=r"public key|no Ed25519 key"):
        Verifier.parse(text)


def test_a_file_without_public_keys_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SignatureError, match="cannot be read"):
        read_public_keys(tmp_path / "missing.pub")
    (tmp_path / "empty.pub").write_text("\n", encoding="utf-8")
    with pytest.raises(SignatureError, match="holds no public key"):
        read_public_keys(tmp_path / "empty.pub")


@pytest.mark.parametrize("library", ["cryptography", "openssl"])
def test_the_standalone_program_checks_signatures_with_library_or_openssl(
    signer: FileSigner, note: bytes, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if library == "openssl":
        monkeypatch.setattr(standalone, "Ed25519PublicKey", None)
    keys = standalone.read_keys(str(signer.verifier))
    assert standalone.open_checkpoint(note, keys, ORIGIN)[0] == 7
    with pytest.raises(standalone.BadSignatureError, match="does not hold"):
        standalone.open_checkpoint(note.replace(b"\n7\n", b"\n8\n"), keys, ORIGIN)


def test_without_library_and_openssl_it_says_what_to_install(
    signer: FileSigner, note: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standalone, "Ed25519PublicKey", None)
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(standalone.CannotCheckError, match="install"):
        standalone.open_checkpoint(note, standalone.read_keys(str(signer.verifier)), ORIGIN)


def test_the_standalone_program_imports_nothing_but_the_standard_library() -> None:
    """``-I -S`` leaves out every installed package; only openssl is left for signatures."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", standalone.__file__, "--help"], capture_output=True, text=True, check=True
    )
    assert "--anchor" in done.stdout
