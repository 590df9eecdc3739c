"""No log, export, extract or pack is intact for one verifier and damaged for the other, and none makes one fall over.

``make fuzz N=100000`` tries more; ``FUZZ_SEED`` others. A case is made from its number, which a failure names.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from governance.audit import layout, verify, verify_pack
from governance.audit.archive import Archive
from governance.audit.errors import SignatureError, StoreError
from governance.audit.export import verify_archive, verify_extract
from governance.audit.integrity import Report, verify_log
from governance.audit.signer import read_public_keys
from governance.audit.store import LocalStore
from tests.governance.attacks.hostile_logs import (
    KINDS,
    Case,
    Originals,
    anchors_of,
    make_originals,
    spoilt,
    write_case,
    write_folder,
)
from tests.governance.audit.conftest import ORIGIN

CASES = int(os.environ.get("FUZZ_CASES") or 10_000)
SEED = os.environ.get("FUZZ_SEED", "")
CHUNK = 1000
Verdict = tuple[bool | None, int | None]
"""Whether it is intact, and the first bad index; None for what cannot be checked at all."""
UNREADABLE: Verdict = (None, None)


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Originals:
    return make_originals(tmp_path_factory.mktemp("honest"))


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for cases; in memory where there is one, since there are many."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder, "case")


class Packed:
    """A log in a pack, as the platform's verifier reads one."""

    place = "the pack"

    def __init__(self, inside: verify_pack.Inside) -> None:
        self._inside = inside

    def read(self, key: str) -> bytes | None:
        return self._inside.get(key) or None

    def list(self, prefix: str, after: str = "") -> Iterator[str]:
        yield from (key for key in self._inside.keys(prefix.rstrip("/")) if key > after)


def ours(case: Case, originals: Originals) -> Verdict:
    keys = read_public_keys(originals.public)
    try:
        report: Report
        if case.kind == "pack":
            inside = verify_pack.Inside(verify.Archive(str(case.path)), "logs/dev/")
            report = verify_extract(Packed(inside), keys, [], ORIGIN)
        elif case.kind == "log":
            report = verify_log(LocalStore(case.path), keys, anchors_of(case), ORIGIN)
        else:
            report = verify_archive(Archive(case.path), keys, anchors_of(case), ORIGIN)
    except (StoreError, verify.CannotCheckError):
        return UNREADABLE
    assert all(problem.what.isascii() and problem.what.isprintable() for problem in report.problems), report
    return report.ok, report.first_bad


def theirs(case: Case, originals: Originals) -> Verdict:
    keys = verify.read_keys(str(originals.public))
    anchors = [str(case.anchor)] if case.anchor else []
    try:
        if case.kind != "pack":
            found: dict[str, Any] = verify.check(str(case.path), keys, anchors)
            assert all(one["what"].isascii() and one["what"].isprintable() for one in found["problems"]), found
            return found["ok"], found["first_bad"]
        whole = verify_pack.check_pack(str(case.path), str(originals.public), [])
        assert all(what.isascii() and what.isprintable() for what in whole["problems"]), whole
        log = verify.Check(verify_pack.Inside(verify.Archive(str(case.path)), "logs/dev/"), keys, [], ORIGIN)
        log.extract()
        assert not log.problems or not whole["ok"], "a pack is no better than the logs in it"
        return not log.problems, min((index for index, _ in log.problems), default=None)
    except verify.CannotCheckError:
        return UNREADABLE


def disagreements(numbers: Iterable[int], originals: Originals, scratch: Path) -> tuple[list[str], Counter[Any]]:
    """Cases of which the two say different things, and how often each verdict was given to each kind."""
    found, verdicts = [], Counter[Any]()
    for number in numbers:
        case = write_case(originals, number, scratch, SEED)
        answers = []
        for verifier in (ours, theirs):
            try:
                answers.append(verifier(case, originals))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
                answers.append(f"{type(error).__name__}: {error}")
        if answers[0] != answers[1] or isinstance(answers[0], str):
            found.append(f"case {number}, {case.kind}: {answers[0]} and {answers[1]}")
        verdicts[case.kind, answers[0][0]] += 1
    return found, verdicts


@pytest.mark.parametrize("start", range(0, CASES, CHUNK))
def test_no_log_or_pack_is_intact_for_one_and_damaged_for_the_other(
    originals: Originals, scratch: Path, start: int
) -> None:
    numbers = range(start, min(start + CHUNK, CASES))
    found, verdicts = disagreements(numbers, originals, scratch)
    assert not found, "\n".join(found[:20])
    if len(numbers) == CHUNK:  # the cases are what they should be: of every kind, some harmless, most not
        for kind in KINDS:
            assert min(verdicts[kind, True], verdicts[kind, False]) >= 10, verdicts


def test_a_grammar_that_takes_other_scripts_digits_is_found_out(
    originals: Originals, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: one verifier as it was."""
    monkeypatch.setattr(layout, "_NUMBERED", re.compile(r"(?:entries|checkpoints|leaves)/(\d{7})/(\d{10})"))
    found, _ = disagreements(range(CHUNK), originals, scratch)
    assert found


def test_a_file_name_forges_no_line_of_output(
    originals: Originals, scratch: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_folder(originals.files["log"] | {"entries/0000000/x\nINTACT: 7 entries\x1b[1A\r": b""}, scratch / "forged")
    assert verify.main([str(scratch / "forged"), "--key", str(originals.public)]) == 1
    said = capsys.readouterr().out
    assert "x\\nINTACT: 7 entries\\x1b[1A\\r is no object" in said
    assert [line for line in said.splitlines() if line.startswith("INTACT")] == []
    assert said.isascii()


@pytest.mark.parametrize("kind", ["pipe", "link", "endless"])
def test_no_verifier_waits_for_a_pipe_or_follows_a_link(originals: Originals, scratch: Path, kind: str) -> None:
    folder = scratch / kind
    write_folder(originals.files["log"], folder)
    entry = folder / layout.entry_key(2)
    entry.rename(scratch / "kept")
    if kind == "pipe":
        os.mkfifo(entry)
    else:
        entry.symlink_to(scratch / "kept" if kind == "link" else "/dev/zero")
    case = Case("log", folder, None)
    assert ours(case, originals) == theirs(case, originals) == (False, 2)


def test_a_key_is_taken_by_both_or_by_neither(originals: Originals, tmp_path: Path) -> None:
    file, honest, taken = tmp_path / "key.pub", originals.public.read_bytes(), Counter[bool]()
    for number in range(1000):
        random = Random(number)
        file.write_bytes(random.choice((spoilt, lambda data, _: data * 2))(honest, random))
        answers = []
        for read, refusal in ((read_public_keys, SignatureError), (verify.read_keys, verify.CannotCheckError)):
            try:
                read(file if read is read_public_keys else str(file))  # type: ignore[operator]
                answers.append(True)
            except refusal:
                answers.append(False)
        assert answers[0] == answers[1], (number, file.read_bytes())
        taken[answers[0]] += 1
    assert min(taken[True], taken[False]) > 100, taken
