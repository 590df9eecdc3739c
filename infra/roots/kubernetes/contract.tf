# The stack contract of each team; see stack_bootstrap/contract.py.

module "cluster_orchestrator" {
  source           = "../../modules/shared/cluster-orchestrator"
  for_each         = local.teams
  context          = local.kubernetes.context
  incluster        = local.kubernetes.context == null
  labels           = each.value.labels
  namespace        = each.value.names.namespace
  validate_locally = !startswith(local.kubernetes.registry.uri, "localhost:") # which is as the nodes see it
}

locals {
  components = {
    for team, about in local.teams : team => {
      artifact_store = {
        flavor = "s3"
        configuration = {
          path          = "s3://${about.names.artifact_store}"
          client_kwargs = { endpoint_url = local.kubernetes.store.endpoint, region_name = local.kubernetes.store.region }
          key           = "{{${about.names.stack}-store.key}}"
          secret        = "{{${about.names.stack}-store.secret}}"
        }
      }
      container_registry = {
        flavor = "default"
        configuration = {
          default_repository = "${local.kubernetes.registry.repository}/${about.names.registry}"
          uri                = local.kubernetes.registry.uri
        }
      }
      image_builder = { flavor = "local", configuration = {} }
      orchestrator = {
        flavor        = "kubernetes"
        configuration = module.cluster_orchestrator[team].configuration
      }
    }
  }

  stacks = {
    for team, about in local.teams : team => {
      version     = 1
      environment = module.environment_guard.environment
      cloud       = "kubernetes"
      team        = team
      simulated   = local.simulated
      stack       = { name = about.names.stack, labels = about.labels }
      components  = local.components[team]
      connectors  = {}
      # The store's keys of the team, a JSON object of key and secret, in a variable of whoever registers.
      secrets = {
        store = {
          manager   = "environment"
          reference = upper(replace("${about.names.stack}_store", "-", "_"))
        }
      }
      cost = {
        budget   = about.budget
        currency = local.settings.budget.currency
        filters = merge(
          { environment = var.environment, namespace = about.names.namespace },
          team == "platform" ? {} : { team = team },
        )
      }
    }
  }
}
