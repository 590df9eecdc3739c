"""Our own rules over a plan. Each is a function from one resource to the sentences that say what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from environments import Cloud, Platform
from stack_bootstrap.clouds import adapter_for
from stack_bootstrap.policy.plan_resources import Resource, resources, statements, texts

REQUIRED_LABELS = ("cost_center", "environment", "managed_by", "team", "zenml_stack")


@dataclass(frozen=True)
class Context:
    """What the rules need to know of the environment that is planned."""

    environment: str
    cloud: Cloud
    protected: bool
    regions: tuple[str, ...]
    account: str | None
    other_environments: tuple[str, ...]


@dataclass(frozen=True)
class Violation:
    """A rule that a resource breaks."""

    rule: str
    address: str
    message: str


Rule = Callable[[Resource, Context], Iterator[str]]


def context_of(platform: Platform, environment: str, cloud: Cloud) -> Context:
    """Return the context of ``environment`` on ``cloud`` from the settings."""
    chosen = platform.environment(environment)
    regions, account = adapter_for(cloud).place(chosen)
    others = tuple(name for name in platform.environments if name != environment)
    return Context(environment, cloud, chosen.protected, regions, account, others)


def own_violations(plan: Mapping[str, Any], context: Context) -> list[Violation]:
    """Yield every breach of a rule of ours in a plan of ``terraform show -json``."""
    return [
        Violation(name, resource.address, message)
        for resource in resources(plan)
        for name, rule in RULES.items()
        for message in rule(resource, context)
    ]


def _labels_complete(resource: Resource, _context: Context) -> Iterator[str]:
    for attribute in ("tags_all", "effective_labels"):
        if resource.unknown.get(attribute) is True or attribute not in resource.after:
            continue
        held = {**(resource.unknown.get(attribute) or {}), **(resource.after[attribute] or {})}
        missing = [label for label in REQUIRED_LABELS if label not in held]
        if missing:
            yield f"lacks the labels {', '.join(missing)}: its cost could be charged to nobody"


LONG_LIVED = {
    "aws_iam_access_key": "an access key",
    "aws_iam_user": "a user",
    "aws_iam_user_login_profile": "a password",
    "azuread_application_password": "a client secret",
    "azuread_service_principal_password": "a client secret",
    "google_service_account_key": "a service account key",
    "google_storage_hmac_key": "an HMAC key",
}


def _no_long_lived_keys(resource: Resource, _context: Context) -> Iterator[str]:
    if resource.type in LONG_LIVED:
        yield f"is {LONG_LIVED[resource.type]}, which does not expire: use a role and workload identity"


ANYWHERE = frozenset({"0.0.0.0/0", "::/0"})
PUBLIC_MEMBERS = frozenset({"allUsers", "allAuthenticatedUsers"})


def _no_public_access(resource: Resource, _context: Context) -> Iterator[str]:
    after = resource.after
    if resource.type == "aws_s3_bucket_public_access_block":
        switches = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
        off = [switch for switch in switches if after.get(switch) is not True]
        if off:
            yield f"leaves the bucket open: {', '.join(off)} is not true"
    if str(after.get("acl", "")).startswith("public"):
        yield f"has the public ACL {after['acl']}"
    for statement in statements(resource):
        if statement.effect == "Allow" and ("AWS", "*") in statement.principals and not statement.conditions:
            yield f"{statement.attribute} lets anybody {', '.join(statement.actions)}"
    if resource.type == "aws_vpc_security_group_ingress_rule" and ANYWHERE & {
        after.get("cidr_ipv4"),
        after.get("cidr_ipv6"),
    }:
        yield "lets the whole internet in"
    for rule in after.get("ingress") or []:
        if isinstance(rule, Mapping) and ANYWHERE & {*rule.get("cidr_blocks", []), *rule.get("ipv6_cidr_blocks", [])}:
            yield "lets the whole internet in"
    if after.get("map_public_ip_on_launch") is True:
        yield "gives everything in it a public address"
    if PUBLIC_MEMBERS & {after.get("member"), *(after.get("members") or [])}:
        yield "grants a role to everybody"


def _force_destroy(resource: Resource, context: Context) -> Iterator[str]:
    if context.environment == "dev" and not context.protected:
        return
    for switch in ("force_destroy", "force_delete"):
        if resource.after.get(switch) is True:
            yield f"has {switch}: outside dev, what it holds must not go with it"


_REGION_IN_ARN = re.compile(r"\barn:aws[a-z-]*:[a-z0-9-]+:([a-z]{2}(?:-[a-z]+)+-[0-9]):")
_ZONE = re.compile(r"^([a-z]{2}(?:-[a-z]+)+-[0-9])[a-z]$")


def _regions_allowed(resource: Resource, context: Context) -> Iterator[str]:
    if not context.regions:
        return
    named = set()
    for attribute, text in texts(resource.after):
        named.update(_REGION_IN_ARN.findall(text))
        if attribute == "availability_zone" and (zone := _ZONE.match(text)):
            named.add(zone[1])
        elif attribute in {"region", "location"}:
            named.add(text.lower())
    strange = sorted(named - set(context.regions) - {"global"})
    if strange:
        yield f"is in or names {', '.join(strange)}; allowed: {', '.join(context.regions)}"


_ACCOUNT_IN_ARN = re.compile(r"^arn:aws[a-z-]*:(?:iam|sts)::([0-9]{12}):")


def _no_foreign_principal(resource: Resource, context: Context) -> Iterator[str]:
    """Check that a protected environment trusts nobody of another environment."""
    if not context.protected:
        return
    environments = "|".join(map(re.escape, context.other_environments)) or "(?!)"
    theirs = re.compile(rf"(?:role/|^serviceAccount:)(?:[a-z0-9-]+-)?(?:{environments})(?:-[a-z]+)?(?:@|$)")
    subject = re.compile(rf":environment:(?:{environments})$")
    for statement in statements(resource):
        if statement.effect != "Allow":
            continue
        for _kind, name in statement.principals:
            account = _ACCOUNT_IN_ARN.match(name)
            if (account and account[1] != context.account) or theirs.search(name):
                yield f"{statement.attribute} trusts {name}, which is not of {context.environment}"
        for _operator, key, value in statement.conditions:
            if key.endswith(":sub") and subject.search(value):
                yield f"{statement.attribute} trusts {value}, which is not of {context.environment}"
    for member in [resource.after.get("member"), *(resource.after.get("members") or [])]:
        if isinstance(member, str) and theirs.search(member):
            yield f"grants a role to {member}, which is not of {context.environment}"


_MANAGED = re.compile(
    r"arn:aws[a-z-]*:iam::aws:policy/(?:[\w-]+/)?(AdministratorAccess|PowerUserAccess|\w*FullAccess)$"
)
_BASIC_ROLES = frozenset({"roles/editor", "roles/owner"})


def _no_sweeping_rights(resource: Resource, _context: Context) -> Iterator[str]:
    for statement in statements(resource):
        if statement.effect == "Allow" and "*" in statement.actions and "*" in statement.resources:
            yield f"{statement.attribute} grants every action on every resource"
    for attribute, text in texts(resource.after):
        if managed := _MANAGED.search(text):
            yield f"{attribute} attaches the managed policy {managed[1]}"
    if resource.after.get("role") in _BASIC_ROLES:
        yield f"grants the basic role {resource.after['role']}"


def _retention_holds(resource: Resource, _context: Context) -> Iterator[str]:
    if resource.type != "aws_s3_bucket_object_lock_configuration":
        return
    after, before = _lock(resource.after), _lock(resource.before)
    if after.get("mode") != "COMPLIANCE":
        yield f"locks in mode {after.get('mode')}: whoever has the right could delete what is locked"
    if (after.get("days") or 0) < (before.get("days") or 0):
        yield f"shortens the retention from {before['days']} to {after.get('days')} days"


def _lock(values: Mapping[str, Any]) -> Mapping[str, Any]:
    for rule in values.get("rule") or []:
        for retention in rule.get("default_retention") or []:
            found: Mapping[str, Any] = retention
            return found
    return {}


RULES: Mapping[str, Rule] = {
    "force-destroy": _force_destroy,
    "labels-complete": _labels_complete,
    "no-foreign-principal": _no_foreign_principal,
    "no-long-lived-keys": _no_long_lived_keys,
    "no-public-access": _no_public_access,
    "no-sweeping-rights": _no_sweeping_rights,
    "regions-allowed": _regions_allowed,
    "retention-holds": _retention_holds,
}
"""Every rule by the name that exceptions use."""
