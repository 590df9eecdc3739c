output "protected" {
  description = "Whether this was last applied as a protected environment: a destroy believes it, not the settings alone."
  value       = local.settings.protected
}

output "stacks" {
  description = "The stack contract of each team and of the platform; see infra/schema/stacks.schema.json."
  value       = local.stacks
}
