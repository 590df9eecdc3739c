"""The cloud identity that a workflow's job takes on by OpenID Connect. Nothing secret is in it."""

from __future__ import annotations

from typing import Literal, get_args

from environments import Environment, SettingsError, pick_cloud
from environments.names import spell
from stack_bootstrap.clouds import adapter_for

CiRole = Literal["plan", "apply"]
CI_ROLES: tuple[CiRole, ...] = get_args(CiRole)


def ci_identity(environment: Environment, cloud: str | None, role: CiRole) -> dict[str, str]:
    """Return what a job needs to become ``role`` in ``environment``, under the names of the log-in actions' inputs.

    Terraform makes these identities (``modules/aws/ci-identity``, ``modules/gcp/workload-identity-federation``) when
    the cloud's section names the repository.

    Raises:
        SettingsError: the section does not name the repository, or there is no way to log in to that cloud yet.
    """
    picked = pick_cloud(environment, cloud)
    told: dict[str, str] = {"cloud": picked}
    if picked == "local":
        return told  # nobody to log in to
    section = getattr(environment, picked)
    if getattr(section, "github", None) is None:
        raise SettingsError(
            f"{environment.environment}.yaml: {picked}.github is not set, so no workflow has an identity there. "
            "Name the repository, and apply once by hand."
        )
    name = spell("ci", environment=environment.environment, key=role)
    return told | adapter_for(picked).ci_login(environment, name)
