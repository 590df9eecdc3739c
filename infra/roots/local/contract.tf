# The stack contract of each team; see stack_bootstrap/contract.py.

locals {
  components = {
    for team, own in module.team_folders : team => {
      artifact_store = {
        flavor        = "local"
        configuration = { path = own.folders.artifacts }
      }
      experiment_tracker = {
        flavor        = "mlflow"
        configuration = { tracking_uri = "sqlite:///${own.folders.mlflow}/mlflow.db" }
      }
      model_registry = { flavor = "mlflow", configuration = {} }
      orchestrator   = { flavor = "local", configuration = {} }
    }
  }

  stacks = {
    for team, about in local.teams : team => {
      version     = 1
      environment = module.environment_guard.environment
      cloud       = "local"
      team        = team
      stack       = { name = about.names.stack, labels = about.labels }
      components  = local.components[team]
      connectors  = {}
      secrets     = {}
      cost = {
        budget   = about.budget
        currency = local.settings.budget.currency
        filters = merge(
          { environment = var.environment },
          team == "platform" ? {} : { team = team },
        )
      }
    }
  }
}
