"""The whole chain on S3: Terraform's contract becomes a stack, pipelines run on it, and what they leave is in S3."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from environments import load_platform
from governance.signing.keys import PUBLIC_KEYS
from tests.infra.aws.conftest import SANDBOX, SECRET, Applied

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

    from governance.core.target import Target

pytestmark = [pytest.mark.xdist_group("aws"), pytest.mark.slow]

MODEL = "breast_cancer_classifier"
ARTIFACTS = f"acme-ml-oncology-{SANDBOX}-artifacts"
AUDIT = f"acme-ml-platform-{SANDBOX}-audit"


@dataclass(frozen=True)
class Chain:
    """The sandbox's stacks, registered in a ZenML store of this module's own."""

    applied: Applied
    target: Target
    trained: PipelineRunResponse

    @property
    def s3(self) -> Any:
        return self.applied.ground.cloud.session(self.applied.ground.account).client("s3")

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]


@pytest.fixture(scope="module")
def chain(
    applied: dict[str, Applied], module_zenml_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Chain]:
    it = applied[SANDBOX]
    home = tmp_path_factory.mktemp("aws-chain")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in it.ground.cloud.variables(it.ground.account).items():
            patch.setenv(name, value)
        patch.setenv("ZENML_ENABLE_IMPLICIT_AUTH_METHODS", "true")
        import governance.audit.location

        patch.setattr(governance.audit.location, "CHECKOUT", home)  # keys, anchors and spool of clouds are below it
        from governance.core.target import target_for
        from governance.runs import jobs
        from stack_bootstrap.registration import register

        register(it.result.stacks)
        patch.setenv("GROUNDWORK_MODEL_KEYS", str(home / "model-keys"))
        make_model_key(home / "model-keys" / f"models-aws-{SANDBOX}.pem", it.ground.settings)
        target = target_for(load_platform(it.ground.settings), MODEL, SANDBOX, "aws")
        yield Chain(it, target, jobs.train(target))


def make_model_key(file: Path, settings: Path) -> None:
    """The key that a CI job gets to sign models with, and its public part in the settings as that of dev."""
    key = ec.generate_private_key(ec.SECP256R1())
    file.parent.mkdir(mode=0o700)
    file.touch(mode=0o600)
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = settings / PUBLIC_KEYS / "aws-dev.pub"
    public.parent.mkdir(exist_ok=True)
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def test_registering_again_changes_nothing_and_every_connector_works(chain: Chain) -> None:
    from stack_bootstrap.registration import diff, verify

    assert not diff(chain.applied.result.stacks).differs
    checks = verify(chain.applied.result.stacks)
    assert [check for check in checks if check.problem] == []
    assert {check.ref.kind for check in checks} >= {"connector", "stack"}


def test_the_secret_reaches_zenml_from_secrets_manager(chain: Chain) -> None:
    from zenml.client import Client

    from stack_bootstrap.registration import secret_name

    contract = chain.applied.result.stacks["oncology"]
    held = Client().get_secret(secret_name(contract, "registry-token")).secret_values
    assert SECRET in held.values()


def test_artifacts_of_training_are_in_the_bucket_that_terraform_made(chain: Chain) -> None:
    assert chain.trained.status == "completed"
    uris = [
        artifact.uri
        for step in chain.trained.steps.values()
        for artifacts in step.outputs.values()
        for artifact in artifacts
    ]
    assert len(uris) >= 5
    assert all(uri.startswith(f"s3://{ARTIFACTS}/") for uri in uris)
    keys = chain.keys(ARTIFACTS)
    assert all(any(key.startswith(uri.removeprefix(f"s3://{ARTIFACTS}/")) for key in keys) for uri in uris)


def test_artifacts_are_encrypted_with_the_environments_key(chain: Chain) -> None:
    kms = chain.applied.ground.cloud.session(chain.applied.ground.account).client("kms")
    key = kms.describe_key(KeyId=f"alias/{SANDBOX}")["KeyMetadata"]["Arn"]
    for name in chain.keys(ARTIFACTS)[:20]:
        head = chain.s3.head_object(Bucket=ARTIFACTS, Key=name)
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key), name


def test_batch_inference_reads_and_writes_s3(chain: Chain, tmp_path: Path) -> None:
    from sklearn.datasets import load_breast_cancer

    from governance.runs import jobs

    local = tmp_path / "patients.parquet"
    load_breast_cancer(as_frame=True).data.head(40).to_parquet(local)
    chain.s3.upload_file(str(local), ARTIFACTS, "incoming/patients.parquet")
    scored = jobs.infer(chain.target, f"s3://{ARTIFACTS}/incoming/patients.parquet")
    assert scored.status == "completed"
    written = [
        artifact.uri for step in scored.steps.values() for artifacts in step.outputs.values() for artifact in artifacts
    ]
    assert written
    assert all(uri.startswith(f"s3://{ARTIFACTS}/") for uri in written)


def test_audit_events_are_locked_for_the_environments_retention(chain: Chain) -> None:
    keys = chain.keys(AUDIT)
    assert keys
    for name in keys[:20]:
        head = chain.s3.head_object(Bucket=AUDIT, Key=name)
        assert head["ObjectLockMode"] == "COMPLIANCE"
        # Dev keeps logs for 30 days and documentation for 365.
        kept = (head["ObjectLockRetainUntilDate"] - head["LastModified"]).total_seconds() / 86400
        assert 30 - 0.1 <= kept <= 365 + 0.1
        with pytest.raises(chain.s3.exceptions.ClientError):
            chain.s3.delete_object(Bucket=AUDIT, Key=name, VersionId=head["VersionId"])


def test_an_environment_with_events_in_its_log_is_not_destroyed(chain: Chain) -> None:
    from stack_bootstrap import infrastructure
    from stack_bootstrap.clouds.adapter import FullStoreError

    with pytest.raises(FullStoreError, match=f"the bucket {AUDIT} holds objects"):
        infrastructure.destroy(chain.applied.ground.where)
