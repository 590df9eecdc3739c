"""A server on a database for a while: its own port, its own key for tokens, known to nobody else."""

from __future__ import annotations

import secrets
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt

from governance.server.secret_values import variables_of
from governance.server.start import HOST, ZENML, end, run_in_background, wait_until_ready
from governance.server.state import Service

_HOURS = 4
"""How long its token holds."""


@contextmanager
def temporary_server(store: str, account: str, folder: Path, key: str | None = None) -> Iterator[dict[str, str]]:
    """Serve the database at the address ``store`` until the block ends, as ZenML does, without the guard.

    Args:
        store: address of the database, as ZenML reads it.
        account: id of the account, of those in the database, in whose name a client then works.
        folder: an empty one that only its owner enters.
        key: what values of secrets are encrypted with in that database; None where they are not.

    Yields:
        The variables that make a process its client.

    Raises:
        ServerError: the server ended while it started, as where the database is none that ZenML can use.
    """
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = int(probe.getsockname()[1])
    url, tokens, name = f"http://{HOST}:{port}", secrets.token_hex(32), secrets.token_hex(8)
    variables = {
        "ZENML_CONFIG_PATH": str(folder / "server"),
        "ZENML_SERVER": "true",
        "ZENML_SERVER_AUTH_SCHEME": "OAUTH2_PASSWORD_BEARER",
        "ZENML_SERVER_DEPLOYMENT_TYPE": "other",
        "ZENML_SERVER_JWT_SECRET_KEY": tokens,
        "ZENML_SERVER_JWT_TOKEN_AUDIENCE": name,
        "ZENML_SERVER_JWT_TOKEN_ISSUER": name,
        "ZENML_ANALYTICS_OPT_IN": "false",
        "ZENML_STORE_TYPE": "sql",
        "ZENML_STORE_URL": store,
        **variables_of(key),
    }
    command = [sys.executable, "-m", "uvicorn", "zenml.zen_server.zen_server_api:app", "--host", HOST]
    log = folder / "server.log"
    service = Service(ZENML, url, run_in_background([*command, "--port", str(port), "--no-access-log"], variables, log))
    try:
        wait_until_ready(service, f"{url}/health", log)
        now = datetime.now(UTC)
        claims = {"sub": account, "iss": name, "aud": name, "iat": now, "exp": now + timedelta(hours=_HOURS)}
        yield {
            "ZENML_CONFIG_PATH": str(folder / "client"),
            "ZENML_STORE_URL": url,
            "ZENML_STORE_API_TOKEN": jwt.encode(claims, tokens, algorithm="HS256"),
        }
    finally:
        end(service)
