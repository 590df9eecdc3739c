output "cloud" {
  description = "The environment's section on this cloud, with the defaults of what it leaves out."
  value       = local.cloud
}

output "environment" {
  description = "The environment's file, with the defaults of what it leaves out."
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

output "teams" {
  description = "Each team and the platform: budget, cost_center, owners, names (artifact_store, client, folder, log_group, registry, secrets by key, stack, workload), own_labels, and labels with the environment's."
  value       = local.teams
}
