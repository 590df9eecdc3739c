output "ci_roles" {
  description = "ARNs of the roles with which workflows plan and apply; null when no repository is named."
  value       = one([for ci in module.ci_identity : { apply = ci.apply_role_arn, plan = ci.plan_role_arn }])
}

output "stacks" {
  description = "The stack contract of each team and of the platform; see infra/schema/stacks.schema.json."
  value = {
    for team, it in local.teams : team => {
      version     = 1
      environment = module.environment_guard.environment
      cloud       = local.cloud
      team        = team
      simulated   = local.simulated
      stack       = { name = local.names[team].stack, labels = local.labels[team] }
      components  = local.components[team]
      connectors  = merge(local.connectors[team], local._cluster_connectors[team])
      secrets = {
        for key, name in local.names[team].secrets : key => {
          manager   = "aws-secrets-manager"
          reference = module.secrets[team].references[name]
        }
      }
      cost = {
        budget   = it.budget
        currency = local.settings.budget.currency
        filters = merge(
          { account_id = local.settings.account_id, environment = var.environment },
          team == "platform" ? {} : { team = team },
        )
      }
    }
  }
}
