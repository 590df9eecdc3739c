"""The pack of a model in production: what it holds, that it is proven, and that no forgery of its contents passes."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from environments import load_platform
from governance.audit import StoreError, open_reader
from governance.audit.canonical import canonical
from governance.audit.events import LogExport
from governance.audit.location import open_signer
from governance.audit.personal import find_forbidden
from governance.audit.store import LocalStore
from governance.audit.verify_pack import check_pack
from governance.evidence_pack.seal import sealed
from governance.records.journal import Journal
from governance.registry.versions import NoVersionError
from tests.governance.evidence_pack.conftest import ASKS, Packed

Files = dict[str, bytes]
ENVIRONMENTS = ("dev", "production", "staging")
PROGRAMS = ("verify.py", "verify_pack.py")


def files_of(pack: Path) -> Files:
    with zipfile.ZipFile(pack) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def files(packed: Packed) -> Files:
    return files_of(packed.file)


def check(packed: Packed, file: Path | None = None, *, anchor: Path | None = None) -> dict[str, Any]:
    return check_pack(str(file or packed.file), str(packed.key), [str(anchor)] if anchor else [])


def forged(packed: Packed, files: Files, place: Path) -> Path:
    """``files`` sealed by the environment's own key, as a dishonest packer would."""
    given = {name: data for name, data in files.items() if name not in ("MANIFEST", "MANIFEST.sig", "key.pub")}
    file = place / "forged.zip"
    file.write_bytes(sealed(given, open_signer(packed.target.platform, "production", cloud="local")))
    return file


def test_a_pack_passes_with_the_key_and_with_anchors(packed: Packed) -> None:
    found = check(packed, anchor=packed.anchors)
    assert (found["ok"], found["established"], found["problems"], found["notes"]) == (True, True, [], [])
    assert set(found["logs"]) == set(ENVIRONMENTS)
    assert all(log["entries"] > 3 and log["anchored"] == log["checkpoint"] for log in found["logs"].values())
    assert found["version"] == "1"


def test_a_pack_passes_on_a_machine_that_has_nothing_but_python_and_openssl(
    packed: Packed, files: Files, tmp_path: Path
) -> None:
    for program in PROGRAMS:
        (tmp_path / program).write_bytes(files[program])
    shutil.copy(packed.file, tmp_path / "pack.zip")
    key = packed.key.read_text(encoding="utf-8").strip()
    # -I and -S: neither this project nor any installed package can be imported.
    command = [sys.executable, "-I", "-S", "verify_pack.py", "pack.zip", "--key", key]
    variables = {"PATH": os.environ["PATH"]}
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "INTACT" in done.stdout
    assert "signed by the key you gave" in done.stdout
    broken = bytearray(packed.file.read_bytes())
    broken[len(broken) // 2] ^= 1
    (tmp_path / "pack.zip").write_bytes(broken)
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
    assert (done.returncode, "DAMAGED" in done.stdout) == (1, True)


def test_bytes_all_over_the_real_file_are_guarded(packed: Packed, tmp_path: Path) -> None:
    raw, file = packed.file.read_bytes(), tmp_path / "pack.zip"
    directory = raw.rindex(b"PK\x05\x06")
    for position in [*range(0, len(raw), 9973), *range(directory, len(raw), 3)]:
        altered = bytearray(raw)
        altered[position] ^= 0x01
        file.write_bytes(altered)
        assert not check(packed, file)["ok"], position


def test_the_model_card_tells_what_the_literature_asks_for(files: Files) -> None:
    card = files["model_card.md"].decode()
    titles = re.findall(r"^## (.*)$", card, re.MULTILINE)
    assert titles == [
        "Model details",
        "Intended use",
        "Data",
        "Metrics",
        "Fairness",
        "Limits and ethical considerations",
        "Gates",
        "Approvals",
        "Lineage",
    ]
    assert re.search(r"\| roc\\_auc \| 0\.9\d+ \| 0\.9\d+ to [01]\.\d+ \(\d+ %\) \| at least 0\.\d+ \|", card)
    assert "approved as ml-engineer" in card
    assert "promotion to production completed" in card
    page = files["model_card.html"].decode()
    assert all(f"<h2>{title}</h2>" in page for title in titles)
    assert not re.search(r"<script|<img|https?://", page)


def test_the_boms_hold_to_cyclonedx_and_name_the_model_and_every_package(files: Files) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    model, packages = (json.loads(files[name]) for name in ("model.cdx.json", "packages.cdx.json"))
    for name in ("model.cdx.json", "packages.cdx.json"):
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(files[name].decode()) is None
    about = model["metadata"]["component"]
    digest = json.loads(files["pack.json"])["model_digest"]
    assert about["type"] == "machine-learning-model"
    assert f"sha256:{about['hashes'][0]['content']}" == digest
    metrics = about["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    assert "confidenceInterval" in next(metric for metric in metrics if metric["type"] == "roc_auc")
    assert {part["name"] for part in about["components"]} >= {"model.skops", "signature.json"}
    assert len(packages["components"]) > 150
    assert all(part["hashes"] and part["purl"].startswith("pkg:pypi/") for part in packages["components"])


def test_gates_lineage_and_the_models_signature_are_those_on_record(packed: Packed, files: Files) -> None:
    gates, lineage = json.loads(files["gates.json"]), json.loads(files["lineage.json"])
    assert {(gate["environment"], gate["gate"]) for gate in gates} >= {
        ("dev", "data quality"),
        ("staging", "model performance"),
        ("staging", "fairness"),
        ("staging", "drift"),
    }
    assert all(gate["policy_version"].startswith("policy-") and gate["evidence"] for gate in gates)
    assert [run["environment"] for run in lineage["runs"]] == ["dev", "staging"]
    assert set(lineage["releases"]) == {"staging", "production"}

    from governance.registry.releases import trained_files
    from governance.registry.versions import staged_version
    from governance.signing.models import verify_model

    version = staged_version(packed.target)
    assert version is not None
    with trained_files(version).checked_copy() as folder:
        verify_model(folder, files["model/signature.json"], [files["model/key.pub"].decode()], "the model")


def test_a_pack_names_nobody_and_holds_no_secret(files: Files) -> None:
    for name, data in files.items():
        if name not in (*PROGRAMS, "README.md") and not name.endswith(".sig"):
            text = re.sub(r"pkg:pypi/[^\"]+", "", data.decode())  # a package and its version look like an address
            assert find_forbidden(text) is None, name
            assert b"@example.com" not in data, name
    assert "people.json" not in files


def test_people_are_named_only_on_request_and_the_log_says_so(packed: Packed, tmp_path: Path) -> None:
    from governance.evidence_pack.pack import write_pack

    file = tmp_path / "revealed.zip"
    written = write_pack(packed.target, file, reveal=True)
    people = json.loads(files_of(file)["people.json"])
    assert ASKS in {person.get("subject") for person in people.values()}
    assert written.revealed == len(people)
    exports = [e.event for e in open_reader(packed.target.platform, "production", cloud="local").newest_first()]
    newest = next(event for event in exports if isinstance(event, LogExport))
    assert (newest.revealed, newest.export_digest) == (len(people), written.digest)
    assert check(packed, file)["ok"]


def test_a_pack_is_not_handed_out_when_that_cannot_be_recorded(
    packed: Packed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from governance.evidence_pack.pack import write_pack

    def down(*_: object) -> int:
        raise StoreError("the store is down")

    monkeypatch.setattr(LocalStore, "create_in_order", down)
    with pytest.raises(StoreError, match="the store is down"):
        write_pack(packed.target, tmp_path / "pack.zip")
    assert list(tmp_path.iterdir()) == []


def test_there_is_no_pack_of_a_version_that_no_log_knows(
    packed: Packed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from governance.evidence_pack import pack
    from governance.evidence_pack.facts import NoEvidenceError

    monkeypatch.setattr(pack, "extract", lambda *_: SimpleNamespace(entries=()))
    with pytest.raises(NoEvidenceError, match="No log knows anything of"):
        pack.write_pack(packed.target, tmp_path / "pack.zip")
    assert list(tmp_path.iterdir()) == []


def test_a_version_that_is_not_there_has_no_evidence(packed: Packed, tmp_path: Path) -> None:
    from governance.evidence_pack.facts import NoEvidenceError, number_of

    with pytest.raises(NoVersionError, match="has no version '99'"):
        number_of(packed.target, "99")
    with pytest.raises(NoEvidenceError, match="No version of diabetes"):
        number_of(type(packed.target)(**{**vars(packed.target), "model": "diabetes_progression_classifier"}))


def test_a_batch_of_predictions_is_on_record_as_an_access(packed: Packed, monkeypatch: pytest.MonkeyPatch) -> None:
    from governance.audit.events import PredictionAccess
    from governance.records.journal import NotRecordedError
    from governance.runs import jobs
    from governance.runs.prediction_access import is_sampled, record_predictions

    done = jobs.infer(packed.target)
    log = open_reader(packed.target.platform, "production", cloud="local")
    found = [e.event for e in log.entries() if isinstance(e.event, PredictionAccess) and e.event.run == done.name]
    assert [(event.rows, event.action, event.model_version, event.sample_rate) for event in found] == [
        (569, "predict", "1", 1.0)
    ]
    assert set(found[0].data_digests) == {"input"}
    monkeypatch.setattr(LocalStore, "create_in_order", lambda *_: (_ for _ in ()).throw(StoreError("down")))
    with pytest.raises(NotRecordedError, match="down"):
        record_predictions(packed.target, Journal(packed.target), done)
    monkeypatch.setattr("governance.runs.prediction_access.is_sampled", lambda *_: False)
    assert not record_predictions(packed.target, Journal(packed.target), done), "what is not sampled is not written"
    sampled = sum(is_sampled(f"run-{number}", 0.1) for number in range(10_000))
    assert 900 < sampled < 1100
    assert all(is_sampled(f"run-{number}", 1) for number in range(100))


Forgery = Callable[[Files], None]


def _first(files: Files, start: str) -> str:
    return next(name for name in files if name.startswith(start))


def _alter_an_entry(files: Files) -> None:
    name = _first(files, "logs/production/entries/")
    files[name] = files[name].replace(b'"recorded":"2', b'"recorded":"1', 1)


def _drop_an_entry(files: Files) -> None:
    del files[_first(files, "logs/staging/entries/")]


def _drop_a_statement(files: Files) -> None:
    del files[_first(files, "statements/")]


def _alter_a_statement(files: Files) -> None:
    name = _first(files, "statements/")
    files[name] = files[name].replace(b"breast", b"Breast")


def _swap_signatures(files: Files) -> None:
    one, other = [name for name in files if name.endswith(".sig")][:2]
    files[one], files[other] = files[other], files[one]


def _add_a_statement(files: Files) -> None:
    files[f"statements/{'0' * 64}.json"] = b"{}"


def _another_model(files: Files) -> None:
    about = json.loads(files["pack.json"])
    files["pack.json"] = canonical({**about, "model_digest": "sha256:" + "0" * 64})


def _a_forked_anchor(files: Files) -> None:
    """A checkpoint of the log's own key, but of another tree: the log was split."""
    from governance.audit.checkpoint import Checkpoint

    name = _first(files, "logs/production/anchors/")
    size = int(name.rpartition("/")[2])
    origin = files["logs/production/key.pub"].decode().partition("+")[0]
    files[name] = Checkpoint(origin, size, bytes(32)).signed(_forger[0])


def _no_proofs(files: Files) -> None:
    files["logs/dev/proofs.json"] = b'{"proofs":{},"size":1}'


def _nothing_of_itself(files: Files) -> None:
    files["pack.json"] = b"{"


_forger: list[Any] = []


@pytest.mark.parametrize(
    ("forgery", "seen"),
    [
        (_alter_an_entry, r"log of production: entry \d+ is not the one"),
        (_drop_an_entry, r"log of staging: entry \d+ is missing"),
        (_drop_a_statement, "is missing"),
        (_alter_a_statement, "is not what its name says"),
        (_swap_signatures, "its SSH signature does not hold"),
        (_add_a_statement, "is of no entry"),
        (_another_model, "is about other files of"),
        (_a_forked_anchor, "the log is not the one whose checkpoint"),
        (_no_proofs, "log of dev"),
        (_nothing_of_itself, "what the pack says of itself is damaged"),
    ],
)
def test_a_forgery_sealed_with_the_right_key_is_still_seen(
    packed: Packed, files: Files, tmp_path: Path, forgery: Forgery, seen: str
) -> None:
    _forger[:] = [open_signer(packed.target.platform, "production", cloud="local")]
    changed = dict(files)
    forgery(changed)
    found = check(packed, forged(packed, changed, tmp_path))
    assert not found["ok"]
    assert any(re.search(seen, problem) for problem in found["problems"]), found["problems"]
    assert check(packed, forged(packed, files, tmp_path))["ok"], "the forgery is what is seen, not the sealing"


def test_an_auditors_own_anchor_tells_a_replaced_log(packed: Packed, tmp_path: Path) -> None:
    from governance.audit.checkpoint import Checkpoint
    from governance.audit.layout import checkpoint_key

    signer = open_signer(packed.target.platform, "production", cloud="local")
    note = tmp_path / "anchor" / checkpoint_key(2)
    note.parent.mkdir(parents=True)
    note.write_bytes(Checkpoint(signer.verifier.name, 2, bytes(32)).signed(signer))
    found = check(packed, anchor=tmp_path / "anchor")
    assert "log of production: the log is not the one whose checkpoint of size 2 an anchor has" in found["problems"]


@contextmanager
def command_line(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Run ``python -m governance``; yields its exit status."""
    from governance.cli.app import main

    monkeypatch.setattr(sys, "argv", ["governance", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    yield [int(str(ended.value.code))]


def test_the_commands_write_and_check(
    packed: Packed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GROUNDWORK_ENVIRONMENTS", str(packed.target.platform.directory))
    assert load_platform(packed.target.platform.directory)
    make = ["evidence", "--model", packed.target.model, "--json"]
    with command_line([*make, "--dry-run"], monkeypatch) as status:
        place = Path(json.loads(capsys.readouterr().out)["file"])
        assert status == [0]
        assert not place.exists()
    with command_line(make, monkeypatch) as status:
        assert (status, json.loads(capsys.readouterr().out)["file"]) == ([0], str(place))
    with command_line(["evidence-verify", "--file", str(place), "--key", str(packed.key)], monkeypatch) as status:
        assert (status, "INTACT" in capsys.readouterr().out) == ([0], True)
    place.write_bytes(place.read_bytes() + b"\0")
    with command_line(["evidence-verify", "--file", str(place), "--json"], monkeypatch) as status:
        assert (status, json.loads(capsys.readouterr().out)["ok"]) == ([1], False)
    with command_line(["evidence-verify", "--file", str(tmp_path / "none.zip")], monkeypatch) as status:
        assert (status, "cannot be checked" in capsys.readouterr().err) == ([1], True)


def test_a_zip_of_something_else_is_no_pack(tmp_path: Path, packed: Packed) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("hello.txt", "hello")
    (tmp_path / "other.zip").write_bytes(out.getvalue())
    assert not check(packed, tmp_path / "other.zip")["ok"]
