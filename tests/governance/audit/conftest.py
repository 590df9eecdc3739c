"""A log below a temporary folder, and events to put into it."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from environments import Platform, load_platform
from governance.audit import verify as standalone
from governance.audit.anchors import StoreAnchor
from governance.audit.events import Actor, RunFinished
from governance.audit.integrity import verify_log
from governance.audit.log import AuditLog
from governance.audit.signer import FileSigner, read_public_keys
from governance.audit.store import LocalStore, Retention
from governance.cli.audit import main
from tests.governance.audit.key_services import CloudStorage, serving

ORIGIN = "acme-ml/audit/dev"
RETENTION: Retention = {"logs": 30, "documentation": 365}
ACTOR = Actor(id="subject-" + "0" * 32, source="operating-system")


def event(number: int = 0, **more: Any) -> RunFinished:
    """An event that differs by ``number``."""
    return RunFinished(actor=ACTOR, environment="dev", team="oncology", run=f"run-{number}", **more)


@dataclass(frozen=True)
class Place:
    """Folders of one log."""

    root: Path

    @property
    def log_folder(self) -> Path:
        return self.root / "log"

    @property
    def anchor_folder(self) -> Path:
        return self.root / "anchor"

    @property
    def key(self) -> Path:
        return self.root / "key.pem"

    def open(self, *, anchored: bool = True) -> AuditLog:
        for folder in (self.log_folder, self.anchor_folder):
            folder.mkdir(parents=True, exist_ok=True)
        signer = FileSigner.load(self.key, ORIGIN) if self.key.exists() else FileSigner.create(self.key, ORIGIN)
        keys = read_public_keys(self.key.with_suffix(".pub"))
        return AuditLog(LocalStore(self.log_folder), signer, self.anchors(anchored=anchored), ORIGIN, keys)

    def anchors(self, *, anchored: bool = True) -> list[StoreAnchor]:
        return [StoreAnchor(LocalStore(self.anchor_folder))] if anchored else []

    def fill(self, batches: Sequence[int]) -> AuditLog:
        """Append as many events as each of ``batches`` says, each with one checkpoint."""
        log, number = self.open(), 0
        for batch in batches:
            log.append_many([event(number + offset) for offset in range(batch)])
            number += batch
        return log

    def verify(self, *, anchored: bool = True) -> dict[str, Any]:
        """What both verifiers say, which must be the same but for the wording."""
        public = self.key.with_suffix(".pub")
        ours = verify_log(
            LocalStore(self.log_folder), read_public_keys(public), self.anchors(anchored=anchored), ORIGIN
        ).as_json()
        theirs = standalone.check(
            str(self.log_folder),
            standalone.read_keys(str(public)),
            [str(self.anchor_folder)] if anchored else [],
        )
        agree(ours, theirs)
        return ours


def agree(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Fail unless both verifiers found the same."""
    for report in (ours, theirs):
        report["indexes"] = sorted({problem["index"] for problem in report["problems"]})
    compared = ("ok", "first_bad", "entries", "checkpoint", "anchored", "indexes")
    assert len(ours["notes"]) == len(theirs["notes"]), (ours["notes"], theirs["notes"])
    assert {name: ours[name] for name in compared} == {name: theirs[name] for name in compared}, (ours, theirs)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Where a log of this test's own is."""
    return Place(tmp_path)


@pytest.fixture
def quick_place(tmp_path: Path) -> Iterator[Place]:
    """A place in memory where there is one: for tests that kill processes, which the kernel's cache outlives."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield Place(tmp_path)
        return
    with tempfile.TemporaryDirectory(prefix="audit-", dir=memory) as folder:
        yield Place(Path(folder))


Command = Callable[..., str]


@pytest.fixture
def platform(settings_directory: Path) -> Platform:
    """Settings whose local cloud has the folder that Terraform makes for the platform's audit log."""
    platform = load_platform(settings_directory)
    for name in platform.environments:
        (settings_directory.parent / "ground" / "environments" / name / "platform" / "audit").mkdir(parents=True)
    return platform


@pytest.fixture
def command(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Runs ``python -m governance.cli.audit``; fails unless the exit status is as said. Returns what it printed."""
    monkeypatch.setenv("GROUNDWORK_ENVIRONMENTS", str(platform.directory))

    def run(*arguments: str, status: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["audit", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert ended.value.code == status, said
        return said.out + said.err if status else said.out

    return run


@pytest.fixture(scope="session")
def _aws_endpoint() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(_aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of the S3 that everything of the test is answered by."""
    import boto3

    for name, value in {
        "AWS_ENDPOINT_URL": _aws_endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    return boto3.client("s3")


@pytest.fixture
def own_store(s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Host and port at which the same store answers over TLS, by a certificate that clients trust."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    certificate, key = certify("127.0.0.1", tmp_path)
    server = make_server(
        "127.0.0.1",
        0,
        DomainDispatcherApplication(create_backend_app),
        threaded=True,
        ssl_context=(str(certificate), str(key)),
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    yield f"127.0.0.1:{server.port}"
    server.shutdown()


def certify(address: str, folder: Path) -> tuple[Path, Path]:
    """Make a certificate of ``address`` that vouches for itself, and its key."""
    own = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .sign(own, hashes.SHA256())
    )
    certificate, key = folder / "store.crt", folder / "store.key"
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    key.write_bytes(own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, key


def make_bucket(s3: Any, test: str) -> str:
    """Make a bucket with Object Lock for the test of that name, and return what it is called."""
    name = f"audit-{sha256(test.encode()).hexdigest()[:16]}"
    where = {"LocationConstraint": "eu-central-1"}
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True, CreateBucketConfiguration=where)
    return name


@pytest.fixture
def cloud_storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudStorage]:
    """The Cloud Storage that everything of the test is answered by, with the bucket ``audit``."""
    storage = CloudStorage(buckets={"audit"})
    with serving(storage) as url:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "acme")
        yield storage
