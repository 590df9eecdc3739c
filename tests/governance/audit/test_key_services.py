"""A log signed by a key service is the same log: its entries and checkpoints verify as those of a key file do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from environments import Platform, load_platform
from governance.audit import verify as standalone
from governance.audit.clouds import CLOUDS
from governance.audit.clouds.aws import AwsKmsSigner
from governance.audit.clouds.gcp import GcpKmsSigner
from governance.audit.errors import AuditError, SignatureError
from governance.audit.integrity import verify_log
from governance.audit.location import locate, open_log, open_reader
from governance.audit.log import AuditLog
from governance.audit.signer import FileSigner, Signer
from governance.audit.store import LocalStore
from tests.conftest import edit_yaml
from tests.governance.audit.conftest import ACTOR, ORIGIN, Command, Place, agree, event
from tests.governance.audit.key_services import AwsKms, CloudKms, serving

ALIAS = "alias/acme-ml-audit-dev"
VERSION = "projects/acme-ml-dev/locations/europe-west1/keyRings/audit/cryptoKeys/log/cryptoKeyVersions/1"


@pytest.fixture
def aws() -> Iterator[tuple[AwsKms, str]]:
    service = AwsKms()
    with serving(service) as url:
        yield service, url


@pytest.fixture
def gcp() -> Iterator[tuple[CloudKms, str]]:
    service = CloudKms()
    with serving(service) as url:
        yield service, url


def aws_client(url: str) -> Any:
    import boto3

    secret = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    return boto3.client("kms", endpoint_url=url, region_name="eu-central-1", **secret)


def gcp_client(url: str) -> Any:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.kms_v1 import KeyManagementServiceClient

    return KeyManagementServiceClient(
        credentials=AnonymousCredentials(),
        transport="rest",
        client_options={"api_endpoint": url},
    )


@pytest.fixture(params=["aws", "gcp"])
def signer(request: pytest.FixtureRequest) -> Signer:
    _, url = request.getfixturevalue(request.param)
    if request.param == "aws":
        return AwsKmsSigner(ORIGIN, ALIAS, client=aws_client(url))
    return GcpKmsSigner(ORIGIN, VERSION, client=gcp_client(url))


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("alias/audit", "arn:aws:kms:eu-central-1:333333333333:alias/audit"),
        ("mrk-1", "arn:aws:kms:eu-central-1:333333333333:key/mrk-1"),
        ("arn:aws:kms:eu-central-1:999999999999:key/1", "arn:aws:kms:eu-central-1:999999999999:key/1"),
    ],
)
def test_a_key_is_looked_for_in_the_environments_account_whoever_asks(
    monkeypatch: pytest.MonkeyPatch, given: str, asked: str
) -> None:
    from botocore.stub import Stubber

    client = aws_client("http://localhost:9")
    monkeypatch.setattr("governance.audit.clouds.aws.service_client", lambda *_: client)
    with Stubber(client) as answers:
        answers.add_response("get_public_key", {"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}, {"KeyId": asked})
        with pytest.raises(SignatureError, match="RSA_2048"):
            CLOUDS["aws"].service_signer(ORIGIN, given, load_platform().environments["production"])
        answers.assert_no_pending_responses()


def test_a_key_service_gives_the_signatures_that_the_same_key_in_a_file_gives(
    aws: tuple[AwsKms, str], gcp: tuple[CloudKms, str]
) -> None:
    aws[0].key = gcp[0].key
    signers = [
        AwsKmsSigner(ORIGIN, ALIAS, client=aws_client(aws[1])),
        GcpKmsSigner(ORIGIN, VERSION, client=gcp_client(gcp[1])),
        FileSigner(ORIGIN, gcp[0].key),
    ]
    assert len({one.sign(b"a checkpoint") for one in signers}) == 1
    assert len({str(one.verifier) for one in signers}) == 1


def test_both_verifiers_accept_a_log_that_a_key_service_signed(signer: Signer, place: Place) -> None:
    place.log_folder.mkdir()
    log = AuditLog(LocalStore(place.log_folder), signer, [], ORIGIN)
    log.append_many([event(number) for number in range(5)])
    log.append(event(9))
    ours = verify_log(LocalStore(place.log_folder), [signer.verifier], [], ORIGIN).as_json()
    theirs = standalone.check(str(place.log_folder), standalone.read_keys(str(signer.verifier)), [])
    agree(ours, theirs)
    assert (ours["ok"], ours["entries"], ours["checkpoint"]) == (True, 6, 6)


def test_an_event_longer_than_kms_signs_is_signed_all_the_same(aws: tuple[AwsKms, str], place: Place) -> None:
    from governance.audit.events import Registration

    place.log_folder.mkdir()
    log = AuditLog(LocalStore(place.log_folder), AwsKmsSigner(ORIGIN, ALIAS, client=aws_client(aws[1])), [], ORIGIN)
    many = tuple(f"component/local-dev/{number:0100d}" for number in range(100))
    long = Registration(
        actor=ACTOR, environment="dev", action="register", outcome="succeeded", stack="local-dev", created=many
    )
    log.append(long)
    assert len(log.raw(0)) > 4096
    assert max(aws[0].sizes) < 400
    assert log.verify().ok


def test_a_message_that_kms_would_refuse_is_refused_before_it_is_sent(aws: tuple[AwsKms, str]) -> None:
    signer = AwsKmsSigner(ORIGIN, ALIAS, client=aws_client(aws[1]))
    with pytest.raises(SignatureError, match="at most 4096 bytes"):
        signer.sign(bytes(4097))
    assert aws[0].sizes == []


def test_a_signature_by_another_key_never_reaches_the_log(aws: tuple[AwsKms, str], place: Place) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    signer = AwsKmsSigner(ORIGIN, ALIAS, client=aws_client(aws[1]))
    aws[0].signs_with = Ed25519PrivateKey.generate()
    place.log_folder.mkdir()
    with pytest.raises(SignatureError, match="gave no signature of"):
        AuditLog(LocalStore(place.log_folder), signer, [], ORIGIN).append(event())
    assert not list(place.log_folder.glob("entries/*/*"))


def test_a_key_service_that_refuses_stops_the_writing(
    aws: tuple[AwsKms, str], gcp: tuple[CloudKms, str], place: Place
) -> None:
    signers = [
        (aws[0], AwsKmsSigner(ORIGIN, ALIAS, client=aws_client(aws[1])), "the key is disabled"),
        (gcp[0], GcpKmsSigner(ORIGIN, VERSION, client=gcp_client(gcp[1])), "denied"),
    ]
    place.log_folder.mkdir()
    for service, signer, said in signers:
        service.down = True  # type: ignore[attr-defined]
        with pytest.raises(SignatureError, match=said):
            AuditLog(LocalStore(place.log_folder), signer, [], ORIGIN).append(event())
    assert not list(place.log_folder.glob("entries/*/*"))


def test_a_key_of_another_kind_is_refused_by_name(aws: tuple[AwsKms, str], gcp: tuple[CloudKms, str]) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    aws[0].spec = "ECC_NIST_P256"
    with pytest.raises(SignatureError, match="is ECC_NIST_P256 for SIGN_VERIFY"):
        AwsKmsSigner(ORIGIN, ALIAS, client=aws_client(aws[1]))
    gcp[0].key = ec.generate_private_key(ec.SECP256R1())  # type: ignore[assignment]
    with pytest.raises(SignatureError, match="another kind of key"):
        GcpKmsSigner(ORIGIN, VERSION, client=gcp_client(gcp[1]))


@pytest.fixture
def on_aws(platform: Platform, aws: tuple[AwsKms, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """Settings whose log on AWS is signed by KMS; its bucket is a folder."""
    edit_yaml(platform.directory / "dev.yaml", lambda raw: raw["aws"].update(audit_key=ALIAS))
    for name, value in {
        "AWS_ENDPOINT_URL": aws[1],
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "GROUNDWORK_AUDIT_KEYS": str(tmp_path / "keys"),
        "GROUNDWORK_AUDIT_ANCHORS": str(tmp_path / "anchors"),
    }.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "bucket").mkdir()
    monkeypatch.setattr("governance.audit.clouds.aws.S3Store", lambda *_, **__: LocalStore(tmp_path / "bucket"))
    return load_platform(platform.directory)


def test_the_settings_name_the_key_that_signs(
    on_aws: Platform, aws: tuple[AwsKms, str], command: Command, tmp_path: Path
) -> None:
    log = open_log(on_aws, "dev", cloud="aws")
    log.append(event())
    where = locate(on_aws, "dev", cloud="aws")
    assert where.public_keys() == log.keys
    assert not where.key.exists(), "the private key is in the key service only"
    where.key.with_suffix(".pub").unlink()
    assert open_reader(on_aws, "dev", cloud="aws").verify().ok, "a reader asks the key service for the public key"
    assert "make a new key in the key service" in command("rotate-key", "--env", "dev", "--cloud", "aws", status=1)
    aws[0].down = True
    with pytest.raises(AuditError, match="the key is disabled"):
        open_log(on_aws, "dev", cloud="aws")
