# The stack contract of each team; see stack_bootstrap/contract.py.

locals {
  # What Pod Security's `restricted` asks of a container; nothing at the level of the pod, which ZenML would drop.
  _restricted = {
    container_security_context = {
      allowPrivilegeEscalation = false
      capabilities             = { drop = ["ALL"] }
      privileged               = false
      runAsNonRoot             = true
      seccompProfile           = { type = "RuntimeDefault" }
    }
  }
  _asks_api_server = { part = "orchestrator" } # the network lets no other pod

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
        flavor = "kubernetes"
        configuration = {
          incluster                     = local.kubernetes.context == null
          job_monitoring_interval       = 0.5 # seconds; ZenML's own 3 cost a training of eight steps 13 more
          kubernetes_context            = local.kubernetes.context
          kubernetes_namespace          = about.names.namespace
          orchestrator_pod_settings     = merge(local._restricted, { labels = merge(about.labels, local._asks_api_server) })
          pass_zenml_token_as_secret    = true
          pod_settings                  = merge(local._restricted, { labels = about.labels })
          service_account_name          = "workload"
          skip_local_validations        = startswith(local.kubernetes.registry.uri, "localhost:") # as the nodes see it
          step_pod_service_account_name = "step"
        }
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
