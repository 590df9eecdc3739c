"""Who is acting: the identity that a CI system vouches for, or else the user of this machine and of ZenML."""

from __future__ import annotations

import base64
import json
import os
import pwd
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from governance.audit.errors import ActorError
from governance.audit.events import Source

AUDIENCE = "groundwork-audit"
"""The audience asked for in an OIDC token, so that the token is of no use anywhere else."""

_GITHUB = "https://token.actions.githubusercontent.com"
_CLAIMS = ("actor", "repository", "repository_id", "run_id", "run_attempt", "workflow", "workflow_ref", "ref", "sub")
_VARIABLES = {
    "actor": "GITHUB_ACTOR",
    "repository": "GITHUB_REPOSITORY",
    "repository_id": "GITHUB_REPOSITORY_ID",
    "run_id": "GITHUB_RUN_ID",
    "run_attempt": "GITHUB_RUN_ATTEMPT",
    "workflow": "GITHUB_WORKFLOW",
    "workflow_ref": "GITHUB_WORKFLOW_REF",
    "ref": "GITHUB_REF",
}
_TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Identity:
    """A person or machine, as ``issuer`` knows it. Personal: belongs in no log, see ``subjects.py``."""

    issuer: str
    subject: str
    source: Source
    detail: Mapping[str, str] = field(default_factory=dict)


def current_identity(zenml_user: str | None = None, environ: Mapping[str, str] = os.environ) -> Identity:
    """Return the identity of whoever runs this process.

    In GitHub Actions the claims of the job's OIDC token are used when the job may have one (``permissions: id-token:
    write``), else its environment variables, which a workflow could set itself. Elsewhere it is ``zenml_user`` if
    given, else the user of the operating system.

    Raises:
        ActorError: the CI system does not answer or says nothing usable, or this user has no name.
    """
    if environ.get("GITHUB_ACTIONS") == "true":
        if environ.get("ACTIONS_ID_TOKEN_REQUEST_URL"):
            claims = _oidc_claims(environ)
            return _ci_identity(str(claims.get("iss", _GITHUB)), claims, "oidc")
        variables = {claim: environ[name] for claim, name in _VARIABLES.items() if name in environ}
        return _ci_identity(_GITHUB, {**variables, "actor_id": environ.get("GITHUB_ACTOR_ID")}, "ci-environment")
    account = _account()
    if zenml_user:
        return Identity("zenml", zenml_user, "zenml", {"account": account})
    return account_identity(account)


def declared_identity(email: str) -> Identity:
    """Return the identity of somebody whom a settings file or another record names by e-mail address."""
    return Identity("e-mail", email.strip().lower(), "declared")


def signed_identity(email: str) -> Identity:
    """Return the identity of somebody who signed with a key that ``people.yaml`` declares for this e-mail address."""
    return Identity("e-mail", email.strip().lower(), "ssh-key")


def account_identity(account: str) -> Identity:
    """Return the identity of the operating system's user with this login name."""
    return Identity("operating-system", account, "operating-system")


def github_identity(actor_id: str) -> Identity:
    """Return the identity of the GitHub account with this numeric id, as its OIDC tokens name it."""
    return Identity(_GITHUB, actor_id, "oidc")


def _ci_identity(issuer: str, claims: Mapping[str, Any], source: Source) -> Identity:
    actor = claims.get("actor_id")
    if not actor:
        raise ActorError(f"The {source} identity of this CI job names no actor_id, so nobody could be held to account.")
    return Identity(issuer, str(actor), source, {name: str(claims[name]) for name in _CLAIMS if claims.get(name)})


def _oidc_claims(environ: Mapping[str, str]) -> dict[str, Any]:
    """Fetch a fresh token's claims. It comes from the issuer's own endpoint, so its signature adds nothing here."""
    url = environ["ACTIONS_ID_TOKEN_REQUEST_URL"]
    if urllib.parse.urlsplit(url).scheme not in ("https", "http"):
        raise ActorError("ACTIONS_ID_TOKEN_REQUEST_URL is no web address.")
    asked = f"{url}{'&' if '?' in url else '?'}audience={AUDIENCE}"
    token = environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "")
    request = urllib.request.Request(asked, headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - see above
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
            payload = json.load(answer)["value"].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ActorError(f"The CI system gave no usable OIDC token: {type(error).__name__}: {error}") from error
    if not isinstance(claims, dict):
        raise ActorError("The CI system gave an OIDC token whose claims are no object.")
    return claims


def _account() -> str:
    # By the user id, which the system vouches for; getpass.getuser() believes $LOGNAME.
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container whose user has no name
        return f"uid-{os.getuid()}"
