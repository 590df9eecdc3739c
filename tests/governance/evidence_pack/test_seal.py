"""A pack is whole to the byte: whatever is changed, added or left out anywhere in the zip file is seen."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.audit import verify, verify_pack
from governance.audit.canonical import canonical
from governance.audit.merkle import Tree, leaf_hash
from governance.audit.signer import FileSigner
from governance.audit.verify import CannotCheckError
from governance.audit.verify_pack import check_pack, fingerprint, is_consistent, is_pack, zip_bytes
from governance.evidence_pack.seal import sealed

ORIGIN = "acme-ml/audit/production"
ABOUT = {"environments": [], "model": "m_c", "model_digest": "sha256:" + "0" * 64, "version": "1", "environment": "dev"}
FILES = {"pack.json": canonical(ABOUT), "README.md": b"Read me.\n", "empty.txt": b""}


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> FileSigner:
    return FileSigner.create(tmp_path_factory.mktemp("keys") / "key.pem", ORIGIN)


@pytest.fixture(scope="module")
def pack(signer: FileSigner) -> bytes:
    return sealed(FILES, signer)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pack") / "pack.zip"


def verdict(place: Path, data: bytes, key: str | None = None) -> dict[str, Any]:
    place.write_bytes(data)
    return check_pack(str(place), key, [])


def test_an_untouched_pack_passes_and_says_whose_it_is(place: Path, pack: bytes, signer: FileSigner) -> None:
    found = verdict(place, pack, str(signer.verifier))
    assert (found["ok"], found["established"], found["notes"]) == (True, True, [])
    assert found["signer"] == f"{ORIGIN}, {fingerprint(signer.verifier.key)}"
    assert verdict(place, pack, fingerprint(signer.verifier.key))["established"]
    with zipfile.ZipFile(io.BytesIO(pack)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == sorted([*FILES, "MANIFEST", "MANIFEST.sig", "key.pub"])


def test_without_a_key_authenticity_is_not_claimed(place: Path, pack: bytes) -> None:
    found = verdict(place, pack)
    assert found["ok"]
    assert not found["established"]
    assert "whose key that is you must ask" in found["notes"][0]


def test_equal_files_make_equal_bytes(pack: bytes, signer: FileSigner) -> None:
    assert sealed(dict(reversed(FILES.items())), signer) == pack


def test_a_change_of_any_byte_is_seen(place: Path, pack: bytes, signer: FileSigner) -> None:
    key = str(signer.verifier)
    for position, byte in enumerate(pack):
        for other in {byte ^ 1, byte ^ 0x80, 0, 0x20} - {byte}:
            altered = pack[:position] + bytes([other]) + pack[position + 1 :]
            place.write_bytes(altered)
            assert is_pack(str(place)), position
            assert not check_pack(str(place), key, [])["ok"], (position, other)


def test_a_byte_more_or_less_anywhere_is_seen(place: Path, pack: bytes, signer: FileSigner) -> None:
    key = str(signer.verifier)
    for position in range(0, len(pack) + 1, 3):
        assert not verdict(place, pack[:position] + b"\0" + pack[position:], key)["ok"], position
        assert not verdict(place, pack[:position] + pack[position + 1 :], key)["ok"] or position == len(pack), position


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_mixture_of_changes_passes(data: st.DataObject) -> None:
    signer, pack, place = _shared()
    start = data.draw(st.integers(0, len(pack)))
    end = data.draw(st.integers(start, min(len(pack), start + 200)))
    put = data.draw(st.binary(max_size=60))
    altered = pack[:start] + put + pack[end:]
    assert verdict(place, altered, str(signer.verifier))["ok"] == (altered == pack)


_kept: list[tuple[FileSigner, bytes, Path]] = []


@pytest.fixture(autouse=True)
def _keep(signer: FileSigner, pack: bytes, place: Path) -> None:
    """Hypothesis repeats a test within one call, which fixtures of a test are not made for."""
    _kept[:] = [(signer, pack, place)]


def _shared() -> tuple[FileSigner, bytes, Path]:
    return _kept[0]


def repacked(pack: bytes, **options: Any) -> bytes:
    """The same files in another zip file."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(pack)) as old, zipfile.ZipFile(out, "w", **options) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
    return out.getvalue()


def test_the_same_files_zipped_otherwise_are_not_the_pack(place: Path, pack: bytes, signer: FileSigner) -> None:
    for other in (
        repacked(pack),
        repacked(pack, compression=zipfile.ZIP_DEFLATED),
        b"#!/bin/sh\n" + pack,
        pack + b"\n",
    ):
        found = verdict(place, other, str(signer.verifier))
        assert not found["ok"]
        assert "the zip file was altered" in found["problems"][0]


def remade(pack: bytes, **files: bytes | None) -> bytes:
    """The zip file that the pack's files make once some are replaced, added or taken out."""
    with zipfile.ZipFile(io.BytesIO(pack)) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    changed = {**found, **files}
    return zip_bytes(sorted((name, data) for name, data in changed.items() if data is not None))


@pytest.mark.parametrize(
    "files",
    [
        {"README.md": b"Trust me.\n"},
        {"README.md": None},
        {"more.txt": b""},
        {"MANIFEST": b""},
        {"MANIFEST.sig": b"x\n\n\xe2\x80\x94 a b\n"},
    ],
)
def test_other_files_than_the_manifest_lists_are_seen(
    place: Path, pack: bytes, signer: FileSigner, files: dict[str, bytes | None]
) -> None:
    found = verdict(place, remade(pack, **files), str(signer.verifier))
    assert not found["ok"]
    assert "manifest" in found["problems"][0]


def test_a_pack_that_somebody_else_signed_is_refused_by_the_key(place: Path, pack: bytes, tmp_path: Path) -> None:
    forger = FileSigner.create(tmp_path / "forger.pem", ORIGIN)
    forged = sealed({**FILES, "README.md": b"Trust me.\n"}, forger)
    assert verdict(place, forged)["ok"], "whole, and signed by whoever made it"
    with zipfile.ZipFile(io.BytesIO(pack)) as archive:
        key = archive.read("key.pub").decode()
    for trusted in (key, fingerprint(_kept[0][0].verifier.key)):
        found = verdict(place, forged, trusted)
        assert (found["ok"], found["established"]) == (False, False)
        assert "not signed by the key you gave" in found["problems"][0]


def test_a_signed_note_of_another_kind_is_no_manifest(place: Path, pack: bytes, signer: FileSigner) -> None:
    from governance.audit.checkpoint import Checkpoint

    checkpoint = Checkpoint(ORIGIN, 1, bytes(32)).signed(signer)
    found = verdict(place, remade(pack, **{"MANIFEST.sig": checkpoint}), str(signer.verifier))
    assert found["problems"] == ["the manifest is not signed by the key you gave"]


def test_a_key_that_is_none_is_said(place: Path, pack: bytes) -> None:
    place.write_bytes(pack)
    with pytest.raises(CannotCheckError, match="neither a public key nor a file"):
        check_pack(str(place), "sha256:abc", [])


def test_the_programs_exit_with_what_they_found(
    place: Path, pack: bytes, signer: FileSigner, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = str(signer.verifier)
    place.write_bytes(pack)
    assert verify_pack.main([str(place), "--key", key]) == 0
    assert "signed by the key you gave" in capsys.readouterr().out
    assert verify_pack.main([str(place), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"]
    assert verify.main([str(place), "--key", key]) == 2, "a pack is not mistaken for a damaged log"
    assert "verify_pack.py checks it" in capsys.readouterr().err
    place.write_bytes(pack[:-1])
    assert verify_pack.main([str(place), "--key", key]) == 1
    assert "DAMAGED" in capsys.readouterr().out
    place.write_bytes(pack)
    assert verify_pack.main([str(place), "--key", "a+b+c"]) == 2
    assert "no public key of the form" in capsys.readouterr().err
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("snapshot.json", '{"size":0}')
    (tmp_path / "text").write_bytes(b"hello")
    for other in ("export.zip", "text", "missing", "."):
        assert verify_pack.main([str(tmp_path / other)]) == 2
        assert "is no evidence pack" in capsys.readouterr().err


def test_the_program_runs_out_of_the_pack_itself(tmp_path: Path, signer: FileSigner) -> None:
    programs = {name: Path(verify.__file__).with_name(name).read_bytes() for name in ("verify.py", "verify_pack.py")}
    file = tmp_path / "pack.zip"
    file.write_bytes(sealed({**FILES, **programs}, signer))
    command = [sys.executable, "-S", "-m", "verify_pack", "pack.zip", "--key", fingerprint(signer.verifier.key)]
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": "pack.zip"}
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
    assert (done.returncode, "INTACT" in done.stdout) == (0, True), done.stderr


def test_a_proof_of_consistency_holds_for_the_trees_that_it_is_of_and_no_others() -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(20)]
    trees = {size: Tree(leaves[:size]) for size in range(1, 21)}
    for new in range(1, 21):
        for old in range(1, new + 1):
            proof, roots = trees[new].consistency_proof(old), (trees[old].root(), trees[new].root())
            assert is_consistent(old, new, *roots, proof)
            assert not is_consistent(old, new, bytes(32), roots[1], proof)
            assert not is_consistent(old, new, roots[0], bytes(32), proof)
            assert not is_consistent(old, new, *roots, [*proof, bytes(32)])
            assert not proof or not is_consistent(old, new, *roots, proof[:-1])
    assert not is_consistent(0, 5, Tree([]).root(), trees[5].root(), [])
    assert not is_consistent(6, 5, trees[6].root(), trees[5].root(), [])
