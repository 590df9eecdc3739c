"""Events are frozen, complete, in UTC, and hold neither personal data nor secrets."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from governance.audit.canonical import canonical
from governance.audit.entry import Draft, decode, is_signed, sequence_in
from governance.audit.errors import TamperedError
from governance.audit.events import EVENT, Actor, AnyEvent, Event, GateVerdict, Override, Rollback, RunStarted
from governance.audit.personal import find_forbidden
from governance.audit.signer import FileSigner
from tests.governance.audit.conftest import ACTOR, ORIGIN, Place, event

COMMON: dict[str, Any] = {"actor": ACTOR, "environment": "production"}
SHA = "sha256:" + "a" * 64
EXAMPLES: dict[str, dict[str, Any]] = {
    "account_change": {"action": "deactivated", "account": "subject-" + "7" * 32},
    "access_decision": {
        "decision": "denied",
        "action": "promote_to_production",
        "route": "PUT:model_versions/model_version_id",
        "roles": ("oncology/dev/data-scientist",),
        "subject": "breast_cancer_classifier",
        "times": 3,
    },
    "backup_made": {
        "backup": "dev-20261130T010000Z-4f1c2a",
        "manifest_digest": SHA,
        "size": 75_000_000,
        "parts": {"database": SHA, "tracking-oncology": SHA},
        "zenml": "0.98.0",
        "seconds": 3.6,
    },
    "backup_deleted": {"backup": "dev-20261130T010000Z-4f1c2a"},
    "backup_restored": {
        "backup": "dev-20261130T010000Z-4f1c2a",
        "manifest_digest": SHA,
        "saved_as": "dev-20261201T090000Z-4f1c2b",
    },
    "restore_drilled": {
        "backup": "dev-20261130T010000Z-4f1c2a",
        "outcome": "failed",
        "seconds": {"restore": 18.7},
        "findings": ("database: table model has 3 rows, not 4",),
    },
    "migration": {
        "outcome": "succeeded",
        "source": "default",
        "destination": "https://zenml.example.com#cardio",
        "made": {"models": 1, "runs": 4},
        "differences": 0,
        "map_digest": SHA,
    },
    "infrastructure_change": {"action": "apply", "outcome": "succeeded", "added": 3},
    "server_change": {"action": "apply", "outcome": "succeeded", "added": 3},
    "registration": {"action": "register", "outcome": "succeeded", "stack": "oncology-production"},
    "run_started": {"run": "r1", "pipeline": "training_pipeline", "expects": ("run_finished",)},
    "run_finished": {"run": "r1", "duration_seconds": 2.5},
    "run_failed": {"run": "r1", "step": "model_trainer", "error_type": "ValueError"},
    "run_metrics": {"run": "r1", "metrics": {"roc_auc": 0.98}},
    "run_cost": {
        "run": "r1",
        "currency": "USD",
        "cost": "0.000123",
        "steps": (
            {
                "step": "model_trainer",
                "wall_seconds": 2.5,
                "cpu_seconds": 3.0,
                "peak_memory_bytes": 4096,
                "executor": "local",
                "cost": "0.000123",
            },
        ),
        "missing": ("evaluate",),
    },
    "gate_verdict": {"gate": "performance", "verdict": "passed", "value": 0.98, "lower": 0.95, "threshold": 0.9},
    "model_signed": {
        "run": "training-1",
        "model": "breast_cancer_classifier",
        "model_version": "3",
        "model_digest": SHA,
        "signature_digest": SHA,
        "key": SHA,
    },
    "promotion": {
        "promotion": "p1",
        "step": "requested",
        "model": "breast_cancer_classifier",
        "model_version": "3",
        "from_stage": "staging",
        "to_stage": "production",
    },
    "approval": {
        "promotion": "p1",
        "model": "breast_cancer_classifier",
        "model_version": "3",
        "decision": "approved",
        "role": "ml-engineer",
        "statement_digest": SHA,
        "expires": datetime(2027, 1, 1, tzinfo=UTC),
    },
    "override": {
        "gate": "fairness",
        "reason": "incident 42",
        "expires": datetime(2027, 1, 1, tzinfo=UTC),
        "statement_digest": SHA,
        "signers": (ACTOR,),
    },
    "rollback": {
        "rollback": "b1",
        "step": "completed",
        "model": "breast_cancer_classifier",
        "from_version": "3",
        "to_version": "1",
    },
    "pipeline_deployed": {
        "model": "breast_cancer_classifier",
        "pipeline": "training_pipeline",
        "stack": "oncology-production",
        "snapshot": "0a6a1f0e-6c55-4b41-8f0c-6d5a0f7f9c11",
        "snapshot_digest": SHA,
    },
    "schedule_changed": {
        "action": "created",
        "schedule": "breast_cancer_classifier-production",
        "zenml_schedule": "0a6a1f0e-6c55-4b41-8f0c-6d5a0f7f9c11",
        "model": "breast_cancer_classifier",
        "model_version": "3",
        "pipeline": "batch_inference_pipeline",
        "stack": "oncology-production",
        "cron": "0 2 * * 1-5",
        "time_zone": "Europe/Zurich",
    },
    "batch_publication": {
        "model": "breast_cancer_classifier",
        "run": "r1",
        "outcome": "published",
        "schedule": "breast_cancer_classifier-production",
        "batch": "2026-11-30T02:00:00+01:00",
    },
    "prediction_access": {
        "model": "breast_cancer_classifier",
        "model_version": "3",
        "action": "read",
        "rows": 10,
        "sample_rate": 0.1,
    },
    "secret_rotation": {
        "manager": "aws-secrets-manager",
        "reference": "arn:aws:secretsmanager:eu-central-1:1:secret:db",
    },
    "log_review": {"first": 0, "last": 9, "root": "a" * 64, "outcome": "intact"},
    "log_export": {"entries": 10, "export_digest": SHA},
    "legal_hold": {"action": "placed", "first": 0, "last": 9, "reason": "case 7"},
    "subject_erased": {"subject": ACTOR.id},
    "reconciliation": {"outcome": "differs", "findings": ("version 3 was deleted",)},
    "snapshot_frozen": {
        "model": "breast_cancer_classifier",
        "pipeline": "training_pipeline",
        "snapshot": "8a0e7e5c-0d0a-4c77-8f3b-0f8f5f2d9a11",
        "name": "breast_cancer_classifier-staging-frozen-1",
        "stack": "local-staging",
        "snapshot_digest": SHA,
        "definition": SHA,
        "parts": {"pipeline": SHA, "steps/model_trainer": SHA},
    },
    "snapshot_rollback": {
        "model": "breast_cancer_classifier",
        "pipeline": "training_pipeline",
        "from_snapshot": SHA,
        "to_snapshot": SHA,
        "role": "ml-engineer",
        "reason": "the newer one loses rows",
    },
    "run_reproduced": {
        "run": "r1",
        "pipeline": "training_pipeline",
        "outcome": "differs",
        "first_difference": "lock",
        "findings": ("lock: sha256:aa was recorded, and sha256:bb is here",),
    },
}


def _kinds() -> set[str]:
    union = get_args(AnyEvent)[0]
    return {get_args(kind.model_fields["kind"].annotation)[0] for kind in get_args(union)}


def test_there_is_an_example_of_every_kind() -> None:
    assert _kinds() == set(EXAMPLES)


@pytest.mark.parametrize("kind", sorted(EXAMPLES))
def test_every_kind_reads_back_from_its_entry_as_it_was(kind: str, place: Place) -> None:
    made = EVENT.validate_python({"kind": kind, **COMMON, **EXAMPLES[kind]})
    signer = FileSigner.create(place.key, ORIGIN)
    data = Draft(made).encode(41, "2026-11-24T22:00:00.000001Z", signer, ORIGIN)
    assert canonical(json.loads(data)) == data
    assert is_signed(data, [signer.verifier], ORIGIN)
    assert not is_signed(data, [signer.verifier], "another/log")
    assert sequence_in(data) == 41
    entry = decode(data, 41)
    assert entry.event == made
    assert type(entry.event) is type(made)
    with pytest.raises(ValidationError, match="frozen"):
        made.environment = "dev"
    with pytest.raises(TamperedError, match="entry 42 holds entry 41"):
        decode(data, 42)


def test_every_byte_of_an_entry_is_signed(place: Place) -> None:
    signer = FileSigner.create(place.key, ORIGIN)
    data = Draft(event(1)).encode(0, "2026-11-24T22:00:00.000001Z", signer, ORIGIN)
    for position in range(len(data)):
        for flip in (0x01, 0x20):
            altered = bytearray(data)
            altered[position] ^= flip
            assert not is_signed(bytes(altered), [signer.verifier], ORIGIN), position
    assert not is_signed(data + b"\n", [signer.verifier], ORIGIN)
    assert not is_signed(b" " + data, [signer.verifier], ORIGIN)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"{", b'{"entry":1}', b'{"entry":{"sequence":0}}'])
def test_what_is_no_entry_is_refused(data: bytes) -> None:
    with pytest.raises(TamperedError, match="Entry 0 is no entry"):
        decode(data, 0)


def test_times_are_written_in_utc_and_need_a_zone() -> None:
    there = datetime(2026, 11, 24, 23, 30, tzinfo=timezone(timedelta(hours=1)))
    assert event(time=there).content()["time"] == "2026-11-24T22:30:00.000000Z"
    assert event(time=there).time.tzinfo is UTC
    with pytest.raises(ValidationError, match="timezone"):
        event(time=datetime(2026, 11, 24))


def test_unknown_fields_kinds_and_values_are_refused() -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        event(comment="hello")
    with pytest.raises(ValidationError, match="does not match any of the expected tags"):
        EVENT.validate_python({"kind": "other", **COMMON})
    with pytest.raises(ValidationError, match="finite"):
        GateVerdict(**COMMON, gate="g", verdict="passed", value=float("nan"))
    with pytest.raises(ValidationError, match="signers"):
        Override(**{**COMMON, **EXAMPLES["override"], "signers": ()})
    with pytest.raises(ValidationError, match="model_digest"):
        event(model_digest="a" * 64)


def test_an_empty_expectation_stays_empty() -> None:
    started = RunStarted(**COMMON, run="r", pipeline="p", expects=())
    assert EVENT.validate_python(started.content()).expects == ()  # type: ignore[union-attr]


def test_a_gates_label_names_gate_and_subject() -> None:
    assert GateVerdict(**COMMON, gate="drift", verdict="passed").label == "gate_verdict/drift"
    assert GateVerdict(**COMMON, gate="drift", subject="age", verdict="passed").label == "gate_verdict/drift/age"
    assert event().label == "run_finished"


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("an e-mail address", "asked by jane.doe+ml@example.co.uk today"),
        ("a private key", "-----BEGIN PRIVATE KEY-----"),
        ("an AWS access key", "key AKIAIOSFODNN7EXAMPLE"),
        ("a GitHub token", "ghp_" + "a" * 36),
        ("a Google API key", "AIza" + "b" * 35),
        ("a Slack token", "xoxb-123456789012-abc"),
        ("a JSON web token", "eyJhbGciOiJI.eyJzdWIiOiIx.c2ln"),
        ("a password or token", "the password: hunter2"),
        ("credentials in a URL", "postgresql://user:pass@host/db"),
    ],
)
def test_personal_data_and_secrets_are_refused_in_any_field(what: str, text: str) -> None:
    assert find_forbidden(text) is not None
    with pytest.raises(ValidationError, match=what if what != "credentials in a URL" else "cannot be erased"):
        Rollback(**{**COMMON, **EXAMPLES["rollback"], "reason": text})


def test_no_field_of_any_kind_takes_an_address(place: Place) -> None:
    """Whatever field it is put into, it does not get through."""
    address = "jane@example.com"
    for kind, example in EXAMPLES.items():
        model = type(EVENT.validate_python({"kind": kind, **COMMON, **example}))
        for name in model.model_fields:
            if name == "kind":
                continue
            with pytest.raises(ValidationError):
                model.model_validate({**COMMON, **example, name: address})


def test_records_of_decisions_are_kept_longer_than_records_of_runs() -> None:
    made = {kind: EVENT.validate_python({"kind": kind, **COMMON, **example}) for kind, example in EXAMPLES.items()}
    logs = {kind for kind, one in made.items() if one.record_class == "logs"}
    assert logs == {"run_started", "run_finished", "run_failed", "run_cost", "run_metrics", "prediction_access"}


def test_two_events_are_two_even_if_they_say_the_same() -> None:
    assert event().id != event().id
    assert isinstance(event(), Event)


def test_an_actor_is_a_pseudonym() -> None:
    with pytest.raises(ValidationError, match="pattern"):
        Actor(id="jane", source="operating-system")
