"""What must stand before the demo begins on a cluster, and what it will do there."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import get_args
from urllib.parse import urlsplit

from environments import ORDER, PLATFORM, Environment, Platform, stack_name, store_keys_variable
from environments.files import sha256_hex
from governance.core.errors import RefusedError
from governance.core.provenance import collect, require_commit
from governance.core.target import target_for
from governance.demo.config import Place


class NotReadyError(RefusedError):
    """Something would stop the demo half-way."""


def require_ready(platform: Platform, place: Place) -> None:
    """Refuse to begin where something would stop the demo half-way; all that is found is said at once.

    Raises:
        NotReadyError: something is missing; nothing was changed.
    """
    missing = list(dict.fromkeys(_missing(platform, place)))
    if missing:
        raise NotReadyError(
            f"The demo on CLOUD={place.cloud} did not begin, and nothing was changed. docs/kubernetes.md, The first "
            "day, says how to come here; missing:\n" + "\n".join(f"- {line}" for line in missing)
        )


def require_committed(platform: Platform) -> None:
    """Refuse to begin where production would refuse half-way what no commit holds.

    Raises:
        CommitUnknownError: git would not tell the commit, or whether files differ from it.
        UncommittedError: files differ from it.
    """
    require_commit(ORDER[-1], collect(platform.directory), guarded=True, settings=platform.directory)


def intended(platform: Platform, place: Place) -> list[str]:
    """Return what the demo would do, a line each."""
    lines = []
    for name, environment in platform.environments.items():
        section = environment.kubernetes
        if section is not None:
            lines.append(
                f"{name}: apply to context {section.context} with buckets at {section.store.endpoint}, below the "
                f"prefix {environment.prefix}; register its stacks"
            )
    for team in platform.teams.values():
        _, approver = place.signers(target_for(platform, team.models[0], ORDER[-1], place.cloud))
        lines.append(f"{team.team}: train {team.models[0]} and take it to production, approved by {approver.email}")
    return lines


def _missing(platform: Platform, place: Place) -> Iterator[str]:
    described = [environment for environment in platform.environments.values() if environment.kubernetes is not None]
    for name, environment in platform.environments.items():
        if environment not in described:
            yield f"{name}.yaml has no section kubernetes."
    yield from _uncommitted(platform)
    for context in {one.kubernetes.context for one in described if one.kubernetes}:
        yield from _silent(context)
    for environment in described:
        yield from _unpinned(platform, environment, place)
    yield from _store_of_this_machine()
    yield from _without_keys()
    yield from _unnamed_keys(platform, described)
    if platform.environment(ORDER[0]) in described:
        yield from _unsigned_models(platform, place)
    if platform.environment(ORDER[-1]) in described:
        yield from _unsigned(platform, place)


def _uncommitted(platform: Platform) -> Iterator[str]:
    try:
        require_committed(platform)
    except RefusedError as error:
        yield str(error)


def _silent(context: str | None) -> Iterator[str]:
    from stack_bootstrap.cluster.connection import Cluster
    from stack_bootstrap.cluster.objects import ClusterError

    try:
        Cluster(context).list_objects("Namespace")
    except ClusterError as error:
        yield str(error)


def _unpinned(platform: Platform, environment: Environment, place: Place) -> Iterator[str]:
    from governance.images.requirements import Kind
    from governance.images.settings import UnpinnedImageError, docker_settings

    for team in platform.teams.values():
        if environment.environment in team.environments:
            target = target_for(platform, team.models[0], environment.environment, place.cloud)
            for kind in get_args(Kind):
                try:
                    docker_settings(target, kind)
                except UnpinnedImageError as error:
                    yield str(error)


def _store_of_this_machine() -> Iterator[str]:
    from stack_bootstrap.registration.errors import RegistrationError
    from stack_bootstrap.registration.running_server import use_running_server
    from stack_bootstrap.registration.zenml_client import open_client

    use_running_server()
    from zenml.config.global_config import GlobalConfiguration
    from zenml.enums import StoreType

    store = GlobalConfiguration().store_configuration
    if store.type != StoreType.REST or _of_this_machine(urlsplit(store.url).hostname or ""):
        yield (
            f"ZenML's store is {store.url}, where no pod reaches it. Run `zenml login <server>`, or set "
            "ZENML_STORE_URL and ZENML_STORE_API_KEY."
        )
        return
    try:
        open_client()
    except RegistrationError as error:
        yield str(error)


def _of_this_machine(host: str) -> bool:
    """Return whether ``host`` is what every machine calls itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _without_keys() -> Iterator[str]:
    import boto3

    if boto3.Session().get_credentials() is None:
        yield "No keys of the store are set: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."


def _unnamed_keys(platform: Platform, described: list[Environment]) -> Iterator[str]:
    from stack_bootstrap.contract import Secret
    from stack_bootstrap.registration.secret_values import SecretUnavailableError, read_values

    lacking = []
    for environment in described:
        name = environment.environment
        for team in [PLATFORM, *(team.team for team in platform.teams.values() if name in team.environments)]:
            variable = store_keys_variable(stack_name(team, name, "kubernetes"))
            try:
                held = read_values(Secret(manager="environment", reference=variable))
            except SecretUnavailableError:
                lacking.append(variable)
                continue
            if not {"key", "secret"} <= held.keys():
                lacking.append(f"{variable} (is set to something else)")
    if lacking:
        yield (
            "Each stack is registered with keys of the store, a JSON object of key and secret in a variable; set "
            f"{', '.join(lacking)}."
        )


def _unsigned_models(platform: Platform, place: Place) -> Iterator[str]:
    from governance.signing.errors import SigningError
    from governance.signing.keys import committed_key, signer_for, trusted_keys

    team = next(iter(platform.teams.values()))  # one key signs the models of all
    dev = target_for(platform, team.models[0], ORDER[0], place.cloud)
    try:
        signer = signer_for(dev)
        if signer.key not in map(sha256_hex, trusted_keys(dev)):
            file = committed_key(platform.directory, ORDER[0], place.cloud)
            yield f"{file} does not hold the public key of what models would be signed with here."
    except SigningError as error:
        yield str(error)


def _unsigned(platform: Platform, place: Place) -> Iterator[str]:
    from governance.signing.people import people_of

    for team in platform.teams.values():
        production = target_for(platform, team.models[0], ORDER[-1], place.cloud)
        try:
            _, approver = place.signers(production)
        except RefusedError as error:
            yield str(error)
            continue
        public = approver.key.with_name(f"{approver.key.name}.pub")
        key = " ".join(public.read_text(encoding="utf-8").split()[:2]) if public.is_file() else None
        if key is None or key not in people_of(production).allowed_signers:
            yield f"people.yaml does not give {approver.email} the key {public}: it is that or another."
