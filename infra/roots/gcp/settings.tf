module "settings" {
  source      = "../../modules/shared/settings"
  cloud       = "gcp"
  environment = var.environment
  settings    = var.settings
}

locals {
  simulated = false # the offline provider's override says true

  gcp      = module.settings.cloud
  names    = module.settings.names
  settings = module.settings.environment
  teams    = module.settings.teams

  vertex     = local.gcp.orchestrator == "vertex"
  kubernetes = local.gcp.orchestrator == "kubernetes"
  airflow    = local.gcp.orchestrator == "airflow"
  remote     = local.gcp.orchestrator != "local"
  uses_jobs  = local.vertex || local.gcp.step_operator == "vertex"
  images     = local.remote || local.uses_jobs
}

# Every role that is granted on the project, by who holds it. What is granted on a bucket, a repository, a secret or a
# service account stands in the module that owns it.
locals {
  client_roles = toset(concat(
    local.uses_jobs ? ["roles/aiplatform.user"] : [],
    local.kubernetes ? ["roles/container.clusterViewer"] : [],
    local.airflow ? ["roles/composer.user"] : [],
  ))

  workload_roles = toset(concat(
    ["roles/logging.logWriter", "roles/monitoring.metricWriter"],
    local.uses_jobs ? ["roles/aiplatform.user"] : [],
  ))

  machine_roles = concat(
    local.kubernetes ? ["roles/container.defaultNodeServiceAccount"] : [],
    local.airflow ? ["roles/composer.worker"] : [],
  )

  plan_roles = toset(["roles/browser", "roles/iam.securityReviewer", "roles/viewer"])

  apply_roles = toset(concat(
    [
      "roles/artifactregistry.admin",
      "roles/cloudkms.admin",
      "roles/compute.networkAdmin",
      "roles/compute.securityAdmin",
      "roles/dns.admin",
      "roles/iam.serviceAccountAdmin",
      "roles/iam.workloadIdentityPoolAdmin",
      "roles/logging.configWriter",
      "roles/monitoring.editor",
      "roles/pubsub.admin",
      "roles/secretmanager.admin",
      "roles/servicenetworking.networksAdmin",
      "roles/serviceusage.serviceUsageAdmin",
      "roles/storage.admin",
    ],
    local.kubernetes ? ["roles/container.clusterAdmin"] : [],
    local.airflow ? ["roles/composer.admin"] : [],
    local.gcp.billing_export == null ? [] : ["roles/bigquery.dataOwner"],
    local.kubernetes || local.airflow ? ["roles/iam.serviceAccountUser"] : [],
  ))

  granted_on_project = distinct(concat(
    tolist(local.client_roles), tolist(local.workload_roles), local.machine_roles, tolist(local.plan_roles),
  ))
}
