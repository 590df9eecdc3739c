# The stack contract of each team; see stack_bootstrap/contract.py. Components and connectors follow the orchestrator.

module "cluster_orchestrator" {
  source    = "../../modules/shared/cluster-orchestrator"
  for_each  = local.teams
  labels    = each.value.labels
  namespace = each.value.names.namespace
}

locals {
  _connector = {
    for team, _ in local.teams : team => {
      type          = "aws"
      auth_method   = "implicit" # short-lived credentials of whoever runs, exchanged for the team's client role
      configuration = { region = local.aws.region, role_arn = module.identity[team].client.arn }
    }
  }

  connectors = {
    for team, connector in local._connector : team => {
      artifact-store = merge(connector, {
        resource_type = "s3-bucket"
        resource_id   = "s3://${module.artifact_store[team].name}"
      })
      compute = merge(connector, { resource_type = "aws-generic", resource_id = null })
      container-registry = merge(connector, {
        resource_type = "docker-registry"
        resource_id   = module.container_registry[team].registry
      })
    }
  }

  _in_network = {
    security_group_ids = [module.network.security_group_id]
    subnets            = module.network.subnet_ids
  }

  # Flavours differ in their keys, which Terraform wants alike: so each is kept as JSON until it is chosen.
  _orchestrators = {
    for team, _ in local.teams : team => {
      airflow = jsonencode({ flavor = "airflow", configuration = { local = false }, connector = null })
      kubernetes = jsonencode({
        flavor        = "kubernetes"
        connector     = "cluster"
        configuration = module.cluster_orchestrator[team].configuration
      })
      local = jsonencode({ flavor = "local", configuration = {}, connector = null })
      sagemaker = jsonencode({
        flavor    = "sagemaker"
        connector = "compute"
        configuration = {
          bucket         = module.artifact_store[team].name
          estimator_args = local._in_network
          execution_role = module.identity[team].workload.arn
          pipeline_tags  = local.teams[team].labels
          scheduler_role = module.identity[team].workload.arn
          tags           = local.teams[team].labels
        }
      })
    }
  }

  components = {
    for team, _ in local.teams : team => merge(
      {
        artifact_store = {
          flavor        = "s3"
          configuration = { path = "s3://${module.artifact_store[team].name}" }
          connector     = "artifact-store"
        }
        container_registry = {
          flavor = "aws"
          configuration = {
            default_repository = module.container_registry[team].name
            uri                = module.container_registry[team].registry
          }
          connector = "container-registry"
        }
        image_builder = { flavor = "local", configuration = {}, connector = null }
        orchestrator  = jsondecode(local._orchestrators[team][local.aws.orchestrator])
      },
      local.aws.mlflow_tracking_uri == null ? {} : {
        experiment_tracker = {
          flavor        = "mlflow"
          configuration = { tracking_uri = local.aws.mlflow_tracking_uri }
          connector     = null
        }
        model_registry = { flavor = "mlflow", configuration = {}, connector = null }
      },
      local.aws.step_operator == null ? {} : {
        step_operator = {
          flavor = "sagemaker"
          configuration = {
            bucket = module.artifact_store[team].name
            role   = module.identity[team].workload.arn
          }
          connector = "compute"
        }
      },
    )
  }

  _cluster_connectors = {
    for team, connector in local._connector : team => local.aws.orchestrator != "kubernetes" ? {} : {
      cluster = merge(connector, { resource_type = "kubernetes-cluster", resource_id = local.aws.cluster })
    }
  }

  stacks = {
    for team, about in local.teams : team => {
      version     = 1
      environment = module.environment_guard.environment
      cloud       = "aws"
      team        = team
      simulated   = local.simulated
      stack       = { name = about.names.stack, labels = about.labels }
      components  = local.components[team]
      connectors  = merge(local.connectors[team], local._cluster_connectors[team])
      secrets = {
        for key, name in about.names.secrets : key => {
          manager   = "aws-secrets-manager"
          reference = module.secrets[team].references[name]
        }
      }
      cost = {
        budget   = about.budget
        currency = local.settings.budget.currency
        filters = merge(
          { account_id = local.aws.account_id, environment = var.environment },
          team == "platform" ? {} : { team = team },
        )
      }
    }
  }
}
