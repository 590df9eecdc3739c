"""Logs and a pack that an earlier release wrote stay readable: ``recorded/`` is never written anew.

It holds the exported logs of three environments and the evidence pack of a version in production, made by the demo of
commit 09c9154: trainings that passed and failed, promotions, approvals, overrides, a rollback, batch inference.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from governance.audit import Filter, LogReader, select
from governance.audit import verify as standalone
from governance.audit.archive import Archive
from governance.audit.export import verify_archive
from governance.audit.signer import read_public_keys
from governance.audit.verify_pack import check_pack
from tests.governance.audit.conftest import agree

RECORDED = Path(__file__).parent / "recorded"
ENTRIES = {"dev": 93, "staging": 103, "production": 52}


def origin_of(key: Path) -> str:
    return key.read_text(encoding="utf-8").split("+")[0]


@pytest.mark.parametrize("environment", ENTRIES)
def test_a_log_of_an_earlier_release_verifies_and_is_read(environment: str) -> None:
    file, key = RECORDED / f"{environment}.zip", RECORDED / f"{environment}.pub"
    keys = read_public_keys(key)
    ours = verify_archive(Archive(file), keys, [], origin_of(key)).as_json()
    agree(ours, standalone.check(str(file), standalone.read_keys(str(key)), []))
    assert (ours["ok"], ours["entries"]) == (True, ENTRIES[environment])
    log = LogReader(Archive(file), keys, [], origin_of(key))
    kinds = {entry.event.kind for entry in log.entries()}
    assert {"run_started", "gate_verdict"} <= kinds
    if environment == "production":
        assert {"promotion", "approval", "rollback", "override", "run_finished"} <= kinds
        *_, last = select(log, Filter(kind="promotion"))
        assert last.event.content()["step"] == "completed"


def test_an_evidence_pack_of_an_earlier_release_verifies() -> None:
    verdict = check_pack(str(RECORDED / "evidence-pack.zip"), None, [])
    assert verdict["ok"], verdict
