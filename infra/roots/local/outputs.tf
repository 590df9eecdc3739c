output "stacks" {
  description = "The stack contract of each team and of the platform; see infra/schema/stacks.schema.json."
  value = {
    for team, it in local.teams : team => {
      version     = 1
      environment = module.environment_guard.environment
      cloud       = local.cloud
      team        = team
      stack = {
        name = local.stack_names[team]
        labels = merge(local._settings.labels, {
          cost_center = it.cost_center
          environment = var.environment
          managed_by  = "terraform"
          team        = team
          zenml_stack = local.stack_names[team]
        })
      }
      components = {
        artifact_store = {
          flavor        = "local"
          configuration = { path = module.team_folders[team].folders.artifacts }
        }
        experiment_tracker = {
          flavor        = "mlflow"
          configuration = { tracking_uri = "sqlite:///${module.team_folders[team].folders.mlflow}/mlflow.db" }
        }
        model_registry = { flavor = "mlflow", configuration = {} }
        orchestrator   = { flavor = "local", configuration = {} }
      }
      connectors = {}
      secrets    = {}
      cost = {
        budget   = it.budget
        currency = local._settings.budget.currency
        filters  = it.cost_filters
      }
    }
  }
}
