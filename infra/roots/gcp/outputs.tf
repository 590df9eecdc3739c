output "audit_key" {
  description = "Version of the key that signs the audit log where audit_key in the settings is managed."
  value       = module.audit_key.version
}

output "audit_stores" {
  description = "Bucket of each team's audit trail."
  value       = { for team, store in module.audit_store : team => store.name }
}

output "ci" {
  description = "What workflows need to plan and apply: the identity provider and the two service accounts. Null without GitHub."
  value = local.gcp.github == null ? null : {
    provider         = module.github[0].provider
    service_accounts = module.github[0].service_accounts
  }
}

output "kubernetes_manifests" {
  description = "Namespace, service account and roles of each team in the cluster, for kubectl apply. Empty without one."
  value       = local.manifests
}

output "stacks" {
  description = "Stack contract of each team and of the platform."
  value       = local.stacks
}
