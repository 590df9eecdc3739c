output "ci_roles" {
  description = "ARNs of the roles with which workflows plan and apply; null when no repository is named."
  value       = one([for ci in module.ci_identity : { apply = ci.apply_role_arn, plan = ci.plan_role_arn }])
}

output "protected" {
  description = "Whether this was last applied as a protected environment: a destroy believes it, not the settings alone."
  value       = local.settings.protected
}

output "stacks" {
  description = "The stack contract of each team and of the platform; see infra/schema/stacks.schema.json."
  value       = local.stacks
}
