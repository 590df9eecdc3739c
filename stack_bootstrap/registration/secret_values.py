"""Reading the values of the secrets that contracts refer to, at the moment they are registered.

Values exist in this process's memory and in ZenML's secret store; they are never printed, logged or written to disk.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Protocol

from stack_bootstrap.contract import Secret, SecretManager

WHOLE = "value"
"""Key in ZenML of a secret that is not a JSON object of strings."""


class SecretUnavailableError(Exception):
    """A value cannot be had; the message says why and what to do, and never holds a value."""


class Reader(Protocol):
    """One secret manager."""

    def __call__(self, reference: str) -> str:
        """Return the current value that ``reference`` points to."""


def read_values(secret: Secret) -> dict[str, str]:
    """Read what ``secret`` holds, as the keys and values of a ZenML secret.

    A JSON object whose values are all strings becomes one key each, which is how AWS Secrets Manager stores several
    values under one name. Anything else becomes the one key ``value``.

    Raises:
        SecretUnavailableError: there is no such secret, it may not be read, it is empty, or a library is missing.
    """
    text = READERS[secret.manager](secret.reference)
    if not text:
        raise SecretUnavailableError(f"{secret.reference} in {secret.manager} is empty")
    try:
        parsed = json.loads(text)
    except json.JSONDecodeError:
        return {WHOLE: text}
    if isinstance(parsed, dict) and parsed and all(isinstance(value, str) for value in parsed.values()):
        return parsed
    return {WHOLE: text}


def from_environment(reference: str) -> str:
    """Read the environment variable called ``reference``."""
    if reference not in os.environ:
        raise SecretUnavailableError(f"the environment variable {reference} is not set; set it to the secret's value")
    return os.environ[reference]


def from_aws(reference: str) -> str:
    """Read the AWS Secrets Manager entry with the ARN or name ``reference``."""
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        raise _missing_library("boto3", error) from error
    is_arn = reference.startswith("arn:")  # arn:partition:service:region:account:...
    region = reference.split(":")[3] if is_arn else None
    try:
        answer = boto3.client("secretsmanager", region_name=region).get_secret_value(SecretId=reference)
    except (BotoCoreError, ClientError) as error:
        raise SecretUnavailableError(f"{reference} cannot be read from AWS Secrets Manager: {error}") from error
    if "SecretString" not in answer:
        raise SecretUnavailableError(f"{reference} in AWS Secrets Manager is binary; store text")
    return str(answer["SecretString"])


def from_gcp(reference: str) -> str:
    """Read the Google Secret Manager version ``projects/P/secrets/S[/versions/V]``, the latest when none is named."""
    try:
        from google.api_core.exceptions import GoogleAPICallError  # type: ignore[import-untyped,import-not-found,unused-ignore]
        from google.auth.exceptions import GoogleAuthError
        from google.cloud import secretmanager  # type: ignore[attr-defined,import-untyped,unused-ignore]
    except ImportError as error:
        raise _missing_library("google-cloud-secret-manager", error) from error
    version = reference if "/versions/" in reference else f"{reference}/versions/latest"
    try:
        answer = secretmanager.SecretManagerServiceClient().access_secret_version(request={"name": version})
    except (GoogleAPICallError, GoogleAuthError) as error:
        raise SecretUnavailableError(f"{version} cannot be read from Google Secret Manager: {error}") from error
    return str(answer.payload.data.decode("utf-8"))


def from_azure(reference: str) -> str:
    """Read the Azure Key Vault secret with the identifier ``https://VAULT/secrets/NAME[/VERSION]``."""
    try:
        from azure.core.exceptions import AzureError  # type: ignore[import-untyped,import-not-found,unused-ignore]
        from azure.identity import DefaultAzureCredential  # type: ignore[import-untyped,import-not-found,unused-ignore]
        from azure.keyvault.secrets import (  # type: ignore[import-untyped,import-not-found,unused-ignore]
            KeyVaultSecretIdentifier,
            SecretClient,
        )
    except ImportError as error:
        raise _missing_library("azure-identity azure-keyvault-secrets", error) from error
    try:
        found = KeyVaultSecretIdentifier(reference)
        client = SecretClient(vault_url=found.vault_url, credential=DefaultAzureCredential())
        return str(client.get_secret(found.name, found.version).value or "")
    except (AzureError, ValueError) as error:
        raise SecretUnavailableError(f"{reference} cannot be read from Azure Key Vault: {error}") from error


READERS: Mapping[SecretManager, Callable[[str], str]] = {
    "environment": from_environment,
    "aws-secrets-manager": from_aws,
    "gcp-secret-manager": from_gcp,
    "azure-key-vault": from_azure,
}


def _missing_library(packages: str, error: ImportError) -> SecretUnavailableError:
    return SecretUnavailableError(f"reading it needs a library: pip install {packages} ({error})")
