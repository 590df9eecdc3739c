# The stack contract of each team; see stack_bootstrap/contract.py.

module "cluster_orchestrator" {
  source    = "../../modules/shared/cluster-orchestrator"
  for_each  = local.teams
  labels    = each.value.labels
  namespace = each.value.names.namespace
}

locals {
  # No keys: either the OIDC token that a workflow holds, exchanged for the client's own credentials, or whatever
  # credentials the process that talks to ZenML already has.
  federates = local.gcp.github != null && local.gcp.oidc_token_file != null

  auth = { for team in keys(local.teams) : team => {
    method = local.federates ? "external-account" : "implicit"
    configuration = merge(
      { project_id = module.project.id },
      local.federates ? { external_account_json = jsonencode({
        audience                          = "//iam.googleapis.com/${module.github[0].provider}"
        credential_source                 = { file = local.gcp.oidc_token_file }
        service_account_impersonation_url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${module.identity[team].client.email}:generateAccessToken"
        subject_token_type                = "urn:ietf:params:oauth:token-type:jwt"
        token_url                         = "https://sts.googleapis.com/v1/token"
        type                              = "external_account"
      }) } : {},
    )
  } }

  connectors = { for team in keys(local.teams) : team => merge(
    {
      artifact-store = {
        type          = "gcp", auth_method = local.auth[team].method, resource_type = "gcs-bucket"
        resource_id   = "gs://${module.artifact_store[team].name}"
        configuration = local.auth[team].configuration
      }
    },
    local.images ? {
      container-registry = {
        type          = "gcp", auth_method = local.auth[team].method, resource_type = "docker-registry"
        resource_id   = module.container_registry[team].id
        configuration = local.auth[team].configuration
      }
      compute = {
        type          = "gcp", auth_method = local.auth[team].method, resource_type = "gcp-generic"
        resource_id   = null
        configuration = local.auth[team].configuration
      }
    } : {},
    local.kubernetes ? {
      cluster = {
        type          = "gcp", auth_method = local.auth[team].method, resource_type = "kubernetes-cluster"
        resource_id   = module.kubernetes[0].name
        configuration = local.auth[team].configuration
      }
    } : {},
  ) }

  # Vertex AI wants the network by project number, and only one that has private service access.
  vertex_network = local.gcp.network.existing == null ? "projects/${module.project.number}/global/networks/${module.network.name}" : null

  orchestrators = { for team in keys(local.teams) : team => {
    local = { flavor = "local", connector = null, configuration = jsonencode({}) }
    vertex = { flavor = "vertex", connector = "compute", configuration = jsonencode({
      encryption_spec_key_name = module.kms.keys[team]
      labels                   = local.teams[team].labels
      location                 = local.gcp.region
      network                  = local.vertex_network
      pipeline_root            = "gs://${module.artifact_store[team].name}/vertex"
      workload_service_account = module.identity[team].workload.email
    }) }
    kubernetes = {
      flavor = "kubernetes", connector = "cluster", configuration = jsonencode(module.cluster_orchestrator[team].configuration)
    }
    airflow = { flavor = "airflow", connector = null, configuration = jsonencode({
      dag_output_dir = local.airflow ? "${module.airflow[0].dags}/${team}" : null
      dag_tags       = [for key, value in local.teams[team].labels : "${key}:${value}"]
      local          = false
      operator       = "airflow.providers.cncf.kubernetes.operators.kubernetes_pod.KubernetesPodOperator"
      operator_args  = { namespace = "composer-user-workloads", service_account_name = "default" }
    }) }
  }[local.gcp.orchestrator] }

  components = { for team in keys(local.teams) : team => merge(
    {
      orchestrator = {
        flavor    = local.orchestrators[team].flavor
        connector = local.orchestrators[team].connector
        # What is null is left out: ZenML reads an absent key as its default.
        configuration = jsonencode({ for key, value in jsondecode(local.orchestrators[team].configuration) : key => value if value != null })
      }
      artifact_store = {
        flavor        = "gcp", connector = "artifact-store"
        configuration = jsonencode({ path = "gs://${module.artifact_store[team].name}" })
      }
    },
    local.images ? {
      container_registry = {
        flavor        = "gcp", connector = "container-registry"
        configuration = jsonencode({ uri = module.container_registry[team].uri })
      }
      # Built by whoever starts the run. Cloud Build would build as one account for all teams, which whoever may start
      # a build can act as, and so reach what is another team's.
      image_builder = { flavor = "local", connector = null, configuration = jsonencode({}) }
    } : {},
    local.uses_jobs ? {
      step_operator = {
        flavor = "vertex", connector = "compute"
        configuration = jsonencode({ for key, value in {
          encryption_spec_key_name = module.kms.keys[team]
          network                  = local.vertex_network
          region                   = local.gcp.region
          service_account          = module.identity[team].workload.email
        } : key => value if value != null })
      }
    } : {},
    local.gcp.mlflow_tracking_uri != null ? {
      experiment_tracker = {
        flavor        = "mlflow", connector = null
        configuration = jsonencode({ tracking_uri = local.gcp.mlflow_tracking_uri })
      }
    } : {}, # and no tracker of Vertex AI's, which runs have no adapter for
  ) }

  stacks = { for team, about in local.teams : team => {
    version     = 1
    environment = module.environment_guard.environment
    cloud       = "gcp"
    team        = team
    simulated   = local.simulated
    stack       = { name = local.teams[team].names.stack, labels = local.teams[team].labels }
    # Configurations differ in their keys, which a map of Terraform's cannot; they travel as JSON up to here.
    components = { for kind, component in local.components[team] : kind => {
      flavor        = component.flavor
      connector     = component.connector
      configuration = jsondecode(component.configuration)
    } }
    connectors = local.connectors[team]
    secrets    = { for key, name in module.secrets[team].names : key => { manager = "gcp-secret-manager", reference = name } }
    cost = {
      currency = local.settings.budget.currency
      budget   = about.budget
      filters  = merge({ project_id = module.project.id }, team == "platform" ? {} : { "labels.team" = team })
    }
  } }
}
