# Google Cloud: one project per environment. What it has once.

locals {
  services = toset(concat(
    [
      "artifactregistry.googleapis.com",
      "billingbudgets.googleapis.com",
      "cloudkms.googleapis.com",
      "cloudresourcemanager.googleapis.com",
      "compute.googleapis.com",
      "containerscanning.googleapis.com",
      "dns.googleapis.com",
      "iam.googleapis.com",
      "iamcredentials.googleapis.com",
      "logging.googleapis.com",
      "monitoring.googleapis.com",
      "pubsub.googleapis.com",
      "secretmanager.googleapis.com",
      "servicenetworking.googleapis.com",
      "storage.googleapis.com",
      "sts.googleapis.com",
    ],
    local.uses_jobs ? ["aiplatform.googleapis.com"] : [],
    local.kubernetes || local.airflow ? ["container.googleapis.com"] : [],
    local.airflow ? ["composer.googleapis.com"] : [],
    local.gcp.billing_export == null ? [] : ["bigquery.googleapis.com"],
  ))

  # Service agents that encrypt with the environment's keys on our behalf.
  # Source: cloud.google.com/iam/docs/service-agents
  agents = merge(
    {
      artifact-registry = "gcp-sa-artifactregistry"
      pubsub            = "gcp-sa-pubsub"
      secret-manager    = "gcp-sa-secretmanager"
      storage           = "gs-project-accounts"
    },
    local.uses_jobs ? { vertex = "gcp-sa-aiplatform" } : {},
    local.kubernetes || local.airflow ? { compute = "compute-system", kubernetes = "container-engine-robot" } : {},
    local.airflow ? { composer = "cloudcomposer-accounts" } : {},
  )
}

module "project" {
  source          = "../../modules/gcp/project"
  billing_account = local.gcp.billing_account
  create          = local.gcp.create_project
  labels          = local.teams["platform"].labels
  parent          = local.gcp.folder
  project_id      = local.gcp.project_id
  protected       = local.settings.protected
  services        = local.services
}

# Reading it makes Cloud Storage's agent, which a key can then be granted to. Not before the project exists.
data "google_storage_project_service_account" "this" {
  project    = module.project.id
  depends_on = [module.project]
}

module "kms" {
  source     = "../../modules/gcp/kms"
  keys       = { for team, about in local.teams : team => { labels = about.own_labels } }
  location   = local.gcp.region
  name       = local.names.base
  project_id = module.project.id
  users      = { for name, agent in local.agents : name => "serviceAccount:service-${module.project.number}@${agent}.iam.gserviceaccount.com" }
  depends_on = [data.google_storage_project_service_account.this]
}

module "network" {
  source          = "../../modules/gcp/network"
  cidr            = local.gcp.network.cidr
  existing        = local.gcp.network.existing
  existing_subnet = try(local.gcp.network.existing_subnets[0], null)
  name            = local.names.base
  project_id      = module.project.id
  region          = local.gcp.region
}

module "observability" {
  source         = "../../modules/gcp/observability"
  kms_key        = module.kms.keys["platform"]
  location       = local.gcp.region
  locked         = local.settings.protected
  name           = local.names.base
  project_id     = module.project.id
  retention_days = local.settings.retention.logs_days
}

module "budget" {
  source          = "../../modules/gcp/budget"
  count           = local.gcp.budgets ? 1 : 0
  alert_at        = local.settings.budget.alert_at
  amount          = local.settings.budget.amount
  billing_account = local.gcp.billing_account
  channels        = [for email in local.gcp.alert_emails : module.alerts["platform"].channels[email]]
  currency        = local.settings.budget.currency
  name            = local.names.base
  project_number  = module.project.number
  topic           = module.observability.topic
}

module "billing_view" {
  source       = "../../modules/gcp/billing-view"
  count        = local.gcp.billing_export == null ? 0 : 1
  creators     = local.gcp.github == null ? {} : { apply = "serviceAccount:${module.github[0].service_accounts.apply}" }
  export_table = local.gcp.billing_export.table
  labels       = local.teams["platform"].own_labels
  location     = local.gcp.billing_export.location
  project_id   = module.project.id
  readers      = { for member in local.gcp.billing_export.readers : member => member }
}

module "github" {
  source          = "../../modules/gcp/workload-identity-federation"
  count           = local.gcp.github == null ? 0 : 1
  billing_account = local.gcp.budgets ? local.gcp.billing_account : null
  environment     = var.environment
  grantable_roles = local.granted_on_project
  identities = {
    plan = {
      account_id  = local.names.identities.plan
      description = "Plans ${var.environment} from any ref; changes nothing."
      permissions = local.plan_permissions
      roles       = local.plan_roles
    }
    apply = {
      account_id  = local.names.identities.apply
      description = "Applies ${var.environment} from jobs of that GitHub environment."
      permissions = local.apply_permissions
      roles       = local.apply_roles
    }
  }
  owner_id      = local.gcp.github.owner_id
  pool_id       = "github" # one of its name in a project
  project_id    = module.project.id
  repository_id = local.gcp.github.repository_id
  state         = { bucket = local.names.state, lock = "gcp/${var.environment}/default.tflock" }
}

module "kubernetes" {
  source           = "../../modules/gcp/kubernetes"
  count            = local.kubernetes ? 1 : 0
  kms_key          = module.kms.keys["platform"]
  labels           = local.teams["platform"].own_labels
  location         = local.gcp.region
  name             = local.names.base
  network          = module.network.id
  nodes_account_id = local.names.identities.nodes
  pods_range       = module.network.pods_range
  project_id       = module.project.id
  protected        = local.settings.protected
  services_range   = module.network.services_range
  subnet           = module.network.subnet_id
}

module "airflow" {
  source     = "../../modules/gcp/airflow"
  count      = local.airflow ? 1 : 0
  account_id = local.names.identities.airflow
  kms_key    = module.kms.keys["platform"]
  labels     = local.teams["platform"].own_labels
  location   = local.gcp.region
  name       = local.names.base
  network    = module.network.id
  project_id = module.project.id
  protected  = local.settings.protected
  subnet     = module.network.subnet_id
  writers    = { for team, identity in module.identity : team => identity.client.member }
}

# One log for the environment, to which every team's runs append.
module "audit_store" {
  source         = "../../modules/gcp/bucket"
  appenders      = merge(local.runs, local.server)
  kms_key        = module.kms.keys["platform"]
  labels         = local.teams["platform"].own_labels
  location       = local.gcp.region
  name           = local.names.audit_store
  project_id     = module.project.id
  readers        = merge(local.clients, local.auditors, local.foreign_readers, local.server)
  retention_days = local.settings.retention.documentation_days
}

moved {
  from = module.audit_store["platform"]
  to   = module.audit_store
}

module "audit_key" {
  source   = "../../modules/gcp/audit-key"
  key_ring = module.kms.key_ring
  labels   = local.teams["platform"].own_labels
  name     = local.names.audit_key
  signers = merge(local.runs, local.server, local.gcp.github == null ? {} : {
    apply = "serviceAccount:${module.github[0].service_accounts.apply}"
  })
  viewers = merge(local.auditors, local.foreign_readers)
}

# Last, so that it is the first to be destroyed: a refused destroy then destroys nothing.
module "environment_guard" {
  source      = "../../modules/shared/environment-guard"
  cloud       = "gcp"
  environment = var.environment
  depends_on = [
    module.airflow, module.alerts, module.artifact_store, module.audit_key, module.audit_store, module.billing_view,
    module.budget, module.container_registry, module.github, module.identity, module.kms, module.kubernetes,
    module.network, module.observability, module.project, module.secrets, module.team_budget,
    google_service_account.server,
  ]
}
