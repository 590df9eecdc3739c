output "audit_key" {
  description = "Version of the key that signs the audit log where audit_key in the settings is managed."
  value       = module.audit_key.version
}

output "audit_store" {
  description = "Bucket of the environment's audit log."
  value       = module.audit_store.name
}

output "ci" {
  description = "What workflows need to plan and apply: the identity provider and the two service accounts. Null without GitHub."
  value = local.gcp.github == null ? null : {
    provider         = module.github[0].provider
    service_accounts = module.github[0].service_accounts
  }
}

output "protected" {
  description = "Whether this was last applied as a protected environment: a destroy believes it, not the settings alone."
  value       = local.settings.protected
}

output "stacks" {
  description = "The stack contract of each team and of the platform; see infra/schema/stacks.schema.json."
  value       = local.stacks
}
