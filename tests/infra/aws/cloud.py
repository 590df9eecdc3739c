"""AWS as the tests have it: moto's server, one account per environment, and roots that are pointed at it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from environments import load_platform
from stack_bootstrap.clouds.aws.state_bucket import make_state_bucket
from stack_bootstrap.terraform import Terraform
from stack_bootstrap.workspace import MIRROR_VARIABLE, Workspace, workspace
from tests.conftest import REPOSITORY

REGISTRY = "registry.terraform.io"
SERVICES = (
    "acm",
    "applicationautoscaling",
    "budgets",
    "ce",
    "ec2",
    "ecr",
    "ecs",
    "elbv2",
    "iam",
    "kms",
    "logs",
    "rds",
    "s3",
    "secretsmanager",
    "sns",
    "sts",
)

_OVERRIDE = """\
terraform {{
  backend "s3" {{
    {credentials}
    endpoints                   = {{ s3 = "{url}", sts = "{url}", iam = "{url}" }}
    skip_credentials_validation = true
    skip_metadata_api_check     = true
    skip_region_validation      = true
    use_path_style              = true
  }}
}}

provider "aws" {{
  {credentials}
  max_retries                 = 3
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  endpoints {{
{endpoints}
  }}
}}
"""


@dataclass(frozen=True)
class Credentials:
    """Short-lived keys of one account."""

    access_key: str
    secret_key: str
    token: str

    @property
    def environment(self) -> dict[str, str]:
        """As variables of a process."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_SESSION_TOKEN": self.token,
        }


@dataclass
class Cloud:
    """A running server. Every account id is an account of its own; buckets' names are shared, as on AWS."""

    url: str
    _credentials: dict[str, Credentials] = field(default_factory=dict)

    def credentials(self, account: str) -> Credentials:
        """Keys with which a caller is in ``account``."""
        if account not in self._credentials:
            import boto3

            sts = boto3.client(
                "sts",
                endpoint_url=self.url,
                region_name="eu-central-1",
                aws_access_key_id="anybody",
                aws_secret_access_key="anything",
            )
            role = f"arn:aws:iam::{account}:role/administrator"
            keys = sts.assume_role(RoleArn=role, RoleSessionName="administrator")["Credentials"]
            self._credentials[account] = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
        return self._credentials[account]

    def session(self, account: str) -> Any:
        """A boto3 session in ``account`` whose clients reach this server."""
        import boto3

        keys = self.credentials(account)
        session = boto3.Session(keys.access_key, keys.secret_key, keys.token, region_name="eu-central-1")
        make = session.client
        session.client = lambda name, **given: make(name, **{"endpoint_url": self.url, **given})
        return session

    def variables(self, account: str) -> dict[str, str]:
        """What a process needs to be in ``account`` on this server."""
        return {
            **self.credentials(account).environment,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": "eu-central-1",
        }

    def override(self, account: str) -> str:
        """Terraform that points the root's backend and provider at this server."""
        keys = self.credentials(account)
        credentials = "\n  ".join(
            f'{name} = "{value}"'
            for name, value in (("access_key", keys.access_key), ("secret_key", keys.secret_key), ("token", keys.token))
        )
        endpoints = "\n".join(f'    {service} = "{self.url}"' for service in SERVICES)
        return _OVERRIDE.format(url=self.url, credentials=credentials, endpoints=endpoints)


@dataclass
class Ground:
    """One environment's root, settings and workspace, all copies below a temporary folder."""

    cloud: Cloud
    environment: str
    account: str
    settings: Path
    where: Workspace

    @property
    def terraform(self) -> Terraform:
        """Terraform in the workspace."""
        return Terraform(self.where)

    def refresh(self) -> None:
        """Take the settings' protected flag and backend anew, as a new process would."""
        made = workspace(load_platform(self.settings), self.environment, "aws")
        self.where = replace(made, root=self.where.root, home=self.where.home)

    def state(self) -> dict[str, Any]:
        """The whole state as JSON text from the bucket, parsed."""
        import json

        bucket, key = self.where.backend["bucket"], self.where.backend["key"]
        body = self.cloud.session(self.account).client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        parsed = json.loads(body)
        assert isinstance(parsed, dict)
        return parsed


def break_ground(cloud: Cloud, folder: Path, settings: Path, environment: str) -> Ground:
    """Copy the root and modules below ``folder``, point them at ``cloud`` and make the state bucket."""
    platform = load_platform(settings)
    where = workspace(platform, environment, "aws")
    infra = folder / "infra"
    root = infra / where.root.relative_to(REPOSITORY / "infra")
    shutil.copytree(where.root, root)
    for part in ("modules/aws", "modules/shared"):
        shutil.copytree(REPOSITORY / "infra" / part, infra / part)
    chosen = platform.environment(where.place)
    assert chosen.aws is not None
    account = chosen.aws.account_id
    (root / "server_override.tf").write_text(cloud.override(account), encoding="utf-8")
    make_state_bucket(chosen, session=cloud.session(account))
    return Ground(cloud, environment, account, settings, replace(where, root=root, home=folder / "home"))


def require_provider() -> None:
    """Skip where the real provider can be had neither from a mirror nor from the registry."""
    if os.environ.get(MIRROR_VARIABLE):
        return
    try:
        urllib.request.urlopen(f"https://{REGISTRY}/.well-known/terraform.json", timeout=5).close()
    except OSError as error:
        pytest.skip(
            f"the real hashicorp/aws provider is needed: {MIRROR_VARIABLE} names no mirror of it, "
            f"and {REGISTRY} does not answer ({error})"
        )


@contextmanager
def running_server(folder: Path) -> Iterator[Cloud]:
    """A server of this session's own, on a free port."""
    port_file, log = folder / "port", folder / "server.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.infra.aws.server", str(port_file)],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=said,
        )
    try:
        deadline = time.monotonic() + 60
        while not port_file.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"moto's server did not start:\n{log.read_text(encoding='utf-8')}")
            time.sleep(0.1)
        yield Cloud(f"http://127.0.0.1:{port_file.read_text(encoding='utf-8')}")
    finally:
        process.terminate()
        process.wait(timeout=10)
