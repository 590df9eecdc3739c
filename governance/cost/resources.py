"""What each kind of Terraform resource is billed for, and which kinds are free by nature.

Sources: the clouds' price pages, as in ``prices.yaml``. A kind that is in neither table is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Billed:
    """One thing that a resource is billed for: ``factor`` times the assumed usage, at the price of ``item``."""

    item: str
    usage: str | None
    """A key of ``usage.yaml``; ``None`` for what is charged once a month."""
    factor: Decimal | int = 1


@dataclass(frozen=True)
class Free:
    """Why a resource costs nothing."""

    reason: str


@dataclass(frozen=True)
class Unknown:
    """Why the cost of a resource cannot be told."""

    reason: str


Verdict = tuple[Billed, ...] | Free | Unknown
Rule = Callable[[Values], Verdict]

_BUCKET = (
    Billed("object-storage", "bucket_gb"),
    Billed("object-writes", "bucket_writes"),
    Billed("object-reads", "bucket_reads"),
)


def _always(*billed: Billed) -> Rule:
    return lambda _values: billed


def _endpoint(values: Values) -> Verdict:
    if values.get("vpc_endpoint_type") == "Gateway":
        return Free("gateway endpoints are not charged")
    # One network interface, and one hourly charge, per subnet.
    subnets = values.get("subnet_ids")
    if not subnets:
        return Billed("interface-endpoint", "endpoint_zone_hours"), Billed("endpoint-data", "endpoint_gb")
    zones = len(subnets)
    return Billed("interface-endpoint", "hours", factor=zones), Billed("endpoint-data", "endpoint_gb")


def _secret(values: Values) -> Verdict:
    replicas = 1 + len(values.get("replica") or ())
    return Billed("secret", None, factor=replicas), Billed("secret-reads", "secret_reads")


def _crypto_key(values: Values) -> Verdict:
    for template in values.get("version_template") or ():
        if template.get("protection_level") not in (None, "SOFTWARE"):
            return Unknown(f"keys of the level {template['protection_level']} are not in the price book")
    return Billed("kms-key-version", "key_versions"), Billed("kms-requests", "key_requests")


def _task(values: Values) -> Verdict:
    """Return what the containers of one definition cost: cpu in 1024ths of a processor, memory in MiB."""
    cpu, memory = (Decimal(str(values[size])) / 1024 for size in ("cpu", "memory"))
    return Billed("container-cpu", "task_hours", factor=cpu), Billed("container-memory", "task_hours", factor=memory)


def _database(values: Values) -> Verdict:
    machines = 2 if values.get("multi_az") else 1
    return (
        Billed(f"database/{values['instance_class']}", "hours", factor=machines),
        Billed("database-storage", None, factor=machines * int(values["allocated_storage"])),
    )


def _service(values: Values) -> Verdict:
    """Return what the containers of one Cloud Run service cost, which are billed as long as they are there."""
    billed: dict[str, Decimal] = {"container-cpu": Decimal(0), "container-memory": Decimal(0)}
    for container in values["template"][0]["containers"]:
        limits = container["resources"][0]["limits"]
        billed["container-cpu"] += Decimal(limits["cpu"])
        billed["container-memory"] += Decimal(limits["memory"].removesuffix("Gi"))
    return tuple(Billed(item, "task_hours", factor=factor) for item, factor in billed.items())


def _cloud_sql(values: Values) -> Verdict:
    (settings,) = values["settings"]
    machines = 2 if settings.get("availability_type") == "REGIONAL" else 1
    storage = Billed("database-storage", None, factor=machines * int(settings["disk_size"]))
    custom = re.fullmatch(r"db-custom-(\d+)-(\d+)", settings["tier"])
    if custom is None:
        return Billed(f"database/{settings['tier']}", "hours", factor=machines), storage
    cpu, mebibytes = (int(size) for size in custom.groups())
    return (
        Billed("database-cpu", "hours", factor=machines * cpu),
        Billed("database-memory", "hours", factor=machines * Decimal(mebibytes) / 1024),
        storage,
    )


def _table(values: Values) -> Verdict:
    return Free("a view stores nothing") if values.get("view") else Unknown("how much a table holds is not known")


BILLED: Mapping[str, Rule] = {
    "aws_cloudwatch_log_group": _always(Billed("log-ingestion", "log_gb")),
    "aws_db_instance": _database,
    "aws_ecr_repository": _always(Billed("image-storage", "registry_gb")),
    "aws_ecs_task_definition": _task,
    "aws_kms_key": _always(Billed("kms-key", None), Billed("kms-requests", "key_requests")),
    "aws_lb": _always(Billed("load-balancer", "hours"), Billed("load-balancer-capacity", "balancer_capacity_hours")),
    "aws_s3_bucket": _always(*_BUCKET),
    "aws_secretsmanager_secret": _secret,
    "aws_vpc_endpoint": _endpoint,
    "google_artifact_registry_repository": _always(Billed("image-storage", "registry_gb")),
    "google_bigquery_table": _table,
    "google_cloud_run_v2_service": _service,
    "google_compute_forwarding_rule": _always(Billed("load-balancer", "hours")),
    "google_compute_router_nat": _always(Billed("nat-machine", "nat_machine_hours"), Billed("nat-data", "nat_gb")),
    "google_container_cluster": _always(Billed("kubernetes-cluster", "hours")),
    "google_dns_managed_zone": _always(Billed("dns-zone", None)),
    "google_kms_crypto_key": _crypto_key,
    "google_logging_project_bucket_config": _always(Billed("log-ingestion", "log_gb")),
    "google_secret_manager_secret_version": _always(
        Billed("secret-version", None), Billed("secret-reads", "secret_reads")
    ),
    "google_sql_database_instance": _cloud_sql,
    "google_storage_bucket": _always(*_BUCKET),
}
"""What a kind is billed for, from its attributes."""

_SETTING = "a setting of another resource"
_RIGHTS = "identities and rights are not charged"
_BALANCER = "charged with its load balancer"
_NETWORK = "the network itself is not charged, only what goes through it"

FREE: Mapping[str, str] = {
    "aws_appautoscaling_policy": _SETTING,
    "aws_appautoscaling_target": _SETTING,
    "aws_budgets_budget": "budgets without actions are not charged",
    "aws_ce_anomaly_monitor": "anomaly detection is not charged",
    "aws_ce_anomaly_subscription": "anomaly detection is not charged",
    "aws_db_parameter_group": _SETTING,
    "aws_db_subnet_group": _SETTING,
    "aws_default_security_group": _NETWORK,
    "aws_ecr_lifecycle_policy": _SETTING,
    "aws_ecs_cluster": "charged by the containers in it",
    "aws_ecs_service": "charged with its task definition",
    "aws_eks_access_entry": _RIGHTS,
    "aws_eks_pod_identity_association": _RIGHTS,
    "aws_iam_openid_connect_provider": _RIGHTS,
    "aws_iam_policy": _RIGHTS,
    "aws_iam_role": _RIGHTS,
    "aws_iam_role_policy": _RIGHTS,
    "aws_kms_alias": _SETTING,
    "aws_lb_listener": _BALANCER,
    "aws_lb_listener_rule": _BALANCER,
    "aws_lb_target_group": _BALANCER,
    "aws_route_table": _NETWORK,
    "aws_route_table_association": _NETWORK,
    "aws_s3_bucket_lifecycle_configuration": _SETTING,
    "aws_s3_bucket_logging": _SETTING,
    "aws_s3_bucket_object_lock_configuration": _SETTING,
    "aws_s3_bucket_ownership_controls": _SETTING,
    "aws_s3_bucket_policy": _SETTING,
    "aws_s3_bucket_public_access_block": _SETTING,
    "aws_s3_bucket_server_side_encryption_configuration": _SETTING,
    "aws_s3_bucket_versioning": _SETTING,
    "aws_secretsmanager_secret_version": "charged with its secret",
    "aws_security_group": _NETWORK,
    "aws_sns_topic": "a topic is not charged, and a few alerts a month are below what is",
    "aws_sns_topic_policy": _SETTING,
    "aws_sns_topic_subscription": "a few e-mails a month are below what is charged",
    "aws_subnet": _NETWORK,
    "aws_vpc": _NETWORK,
    "aws_vpc_security_group_egress_rule": _NETWORK,
    "aws_vpc_security_group_ingress_rule": _NETWORK,
    "google_artifact_registry_repository_iam_member": _RIGHTS,
    "google_bigquery_dataset": "charged by the tables in it",
    "google_billing_account_iam_member": _RIGHTS,
    "google_bigquery_dataset_iam_member": _RIGHTS,
    "google_billing_budget": "budgets are not charged",
    "google_compute_address": "an internal address, which is not charged",
    "google_compute_firewall": _NETWORK,
    "google_compute_global_address": "an internal range, which is not charged",
    "google_compute_network": _NETWORK,
    "google_compute_region_backend_service": _BALANCER,
    "google_compute_region_network_endpoint_group": _BALANCER,
    "google_compute_region_ssl_policy": _BALANCER,
    "google_compute_region_target_https_proxy": _BALANCER,
    "google_compute_region_url_map": _BALANCER,
    "google_compute_router": _NETWORK,
    "google_compute_subnetwork": _NETWORK,
    "google_dns_record_set": "charged with its zone",
    "google_iam_workload_identity_pool": _RIGHTS,
    "google_iam_workload_identity_pool_provider": _RIGHTS,
    "google_kms_crypto_key_iam_member": _RIGHTS,
    "google_kms_key_ring": "charged by the keys in it",
    "google_logging_project_sink": "charged where the logs go",
    "google_monitoring_notification_channel": _SETTING,
    "google_project": "charged by what is in it",
    "google_project_default_service_accounts": _RIGHTS,
    "google_project_iam_audit_config": _SETTING,
    "google_project_iam_custom_role": _RIGHTS,
    "google_project_iam_member": _RIGHTS,
    "google_project_service": "switches an interface on",
    "google_pubsub_topic": "a few alerts a month are below what is charged",
    "google_resource_manager_lien": _SETTING,
    "google_secret_manager_secret": "charged by its versions",
    "google_secret_manager_secret_iam_member": _RIGHTS,
    "google_service_account": _RIGHTS,
    "google_service_account_iam_member": _RIGHTS,
    "google_service_networking_connection": _NETWORK,
    "google_sql_user": "charged with its database",
    "google_storage_bucket_iam_member": _RIGHTS,
    "local_file": "a file on this machine",
    "terraform_data": "only in Terraform's state",
}
"""Kinds that no cloud charges for, and why."""


def judge(kind: str, values: Values) -> Verdict:
    """Return what a resource of ``kind`` with the attributes ``values`` is billed for."""
    if kind in BILLED:
        return BILLED[kind](values)
    if kind in FREE:
        return Free(FREE[kind])
    return Unknown(f"nothing is known of the price of {kind}")
