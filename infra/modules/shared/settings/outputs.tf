output "audit_readers" {
  description = "Other environments on this cloud that may read this one's audit log: of each its section (cloud), names of its clients by team, of the identity its workflows apply with (workflow) and of the shared server's (server), null without."
  value       = local.audit_readers
}

output "audit_sources" {
  description = "Other environments on this cloud that let this one read their audit log: of each its section (cloud) and the log's bucket (audit_store)."
  value       = local.audit_sources
}

output "cloud" {
  description = "The environment's section on this cloud, with the defaults of what it leaves out."
  value       = local.cloud

  precondition {
    condition     = can(local._file[var.cloud])
    error_message = "${var.environment}.yaml has no section '${var.cloud}': describe that cloud there, or pick another with CLOUD."
  }
}

output "environment" {
  description = "What the environment's file says for every cloud, with the defaults of what it leaves out: budget, labels, prefix, protected, retention."
  value       = local.environment
}

output "labels" {
  description = "Labels of everything in the environment, whosever it is."
  value       = local.labels
}

output "names" {
  description = "Names of what the environment has once: access_logs, audit_key, audit_store, base, identities (by airflow, apply, nodes, plan), network_log_group, state."
  value       = local.names
}

output "server" {
  description = "Name of the identity of the shared server, which modules/<cloud>/server knows too, where it stands in this environment on this cloud; null elsewhere."
  value       = local.server
}

output "teams" {
  description = "Each team and the platform: budget, cost_center, owners, names (artifact_store, client, folder, log_group, namespace, registry, secrets by key, stack, workload), own_labels, and labels with the environment's."
  value       = local.teams
}
