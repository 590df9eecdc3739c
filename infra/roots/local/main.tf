# The local cloud: folders on this machine instead of buckets, the same contract as every cloud.

locals {
  cloud = "local"

  _names    = yamldecode(file("${var.settings}/names.yaml"))
  _settings = yamldecode(file("${var.settings}/${var.environment}.yaml"))
  _files    = [for file in fileset("${var.settings}/teams", "*.yaml") : yamldecode(file("${var.settings}/teams/${file}"))]

  # The platform's own stack stands beside those of the teams that have this environment.
  teams = merge(
    {
      for team in local._files : team.team => {
        budget       = team.environments[var.environment].budget
        cost_center  = team.cost_center
        cost_filters = { environment = var.environment, team = team.team }
        stack        = local._names.stack.local
      } if can(team.environments[var.environment])
    },
    {
      platform = {
        budget       = local._settings.budget.amount
        cost_center  = local._settings.labels.cost_center
        cost_filters = { environment = var.environment }
        stack        = local._names.stack.platform_local
      }
    },
  )

  stack_names = {
    for team, _ in local.teams : team =>
    replace(replace(local.teams[team].stack, "{team}", team), "{environment}", var.environment)
  }
}

module "team_folders" {
  source   = "../../modules/local/team-folders"
  for_each = local.teams
  folder   = "${var.ground}/environments/${replace(replace(local._names.folder, "{team}", each.key), "{environment}", var.environment)}"
}

module "environment_guard" {
  source      = "../../modules/shared/environment-guard"
  cloud       = local.cloud
  environment = var.environment
  depends_on  = [module.team_folders] # so that it is the first to be destroyed
}
