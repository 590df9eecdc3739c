# What each team has, and the platform beside them.
locals {
  # Jobs of the GitHub environment register stacks and start pipelines as the team's client.
  federated = local.gcp.github == null ? {} : {
    github = "principalSet://iam.googleapis.com/${module.github[0].pool}/attribute.environment/${var.environment}"
  }

  # Composer runs every team's pods as one account, so that one has to reach what the pods read and write.
  pods = local.airflow ? { airflow = module.airflow[0].member } : {}

  # The environment's own log is the platform's, to which every team's runs append, and whoever appends signs.
  clients = { for team, identity in module.identity : "${team}/client" => identity.client.member }
  runs = merge(local.pods, local.clients, {
    for team, identity in module.identity : "${team}/workload" => identity.workload.member
  })
  auditors = { for member in local.gcp.auditors : member => member }
}

module "identity" {
  source     = "../../modules/gcp/identity"
  for_each   = local.teams
  name       = "${each.key} in ${var.environment}"
  project_id = module.project.id
  client = {
    account_id       = local.name[each.key].client
    acts_as_workload = local.images
    federated        = local.federated
    impersonators    = { for principal in local.gcp.client_principals : principal => principal }
    roles            = local.client_roles
  }
  workload = {
    account_id = local.name[each.key].workload
    kubernetes = local.kubernetes ? { zenml = "serviceAccount:${module.kubernetes[0].workload_pool}[${each.key}/zenml]" } : {}
    roles      = local.workload_roles
  }
}

module "artifact_store" {
  source        = "../../modules/gcp/artifact-store"
  for_each      = local.teams
  force_destroy = !local.protected && var.environment == "dev"
  kms_key       = module.kms.keys[each.key]
  labels        = local.team_labels[each.key]
  location      = local.gcp.region
  name          = local.name[each.key].artifact_store
  project_id    = module.project.id
  writers       = merge(local.pods, { client = module.identity[each.key].client.member, workload = module.identity[each.key].workload.member })
}

module "audit_store" {
  source         = "../../modules/gcp/audit-store"
  for_each       = local.teams
  appenders      = each.key == "platform" ? local.runs : merge(local.pods, { client = module.identity[each.key].client.member, workload = module.identity[each.key].workload.member })
  kms_key        = module.kms.keys[each.key]
  labels         = local.team_labels[each.key]
  location       = local.gcp.region
  name           = local.name[each.key].audit_store
  project_id     = module.project.id
  readers        = each.key == "platform" ? merge(local.clients, local.auditors) : { client = module.identity[each.key].client.member }
  retention_days = local.settings.retention.documentation_days
}

module "audit_key" {
  source   = "../../modules/gcp/audit-key"
  key_ring = module.kms.key_ring
  labels   = local.team_labels["platform"]
  name     = local.audit_key
  signers = merge(local.runs, local.gcp.github == null ? {} : {
    apply = "serviceAccount:${module.github[0].service_accounts.apply}"
  })
  viewers = local.auditors
}

module "container_registry" {
  source     = "../../modules/gcp/container-registry"
  for_each   = local.teams
  kms_key    = module.kms.keys[each.key]
  labels     = local.team_labels[each.key]
  location   = local.gcp.region
  name       = local.name[each.key].registry
  project_id = module.project.id
  readers    = merge(local.pods, { workload = module.identity[each.key].workload.member })
  writers    = { client = module.identity[each.key].client.member }
}

module "secrets" {
  source     = "../../modules/gcp/secrets"
  for_each   = local.teams
  kms_key    = module.kms.keys[each.key]
  labels     = local.team_labels[each.key]
  location   = local.gcp.region
  project_id = module.project.id
  protected  = local.protected
  readers    = { client = module.identity[each.key].client.member, workload = module.identity[each.key].workload.member }
  secrets    = { for key, version in local.gcp.secrets : key => { name = replace(local.name[each.key].secret, "{key}", key), version = version } }
  values     = lookup(var.secret_values, each.key, {})
}

module "team_budget" {
  source          = "../../modules/gcp/budget"
  for_each        = { for team, about in local.teams : team => about if local.gcp.budgets && team != "platform" }
  alert_at        = local.alert_at
  amount          = each.value.budget
  billing_account = local.gcp.billing_account
  channels        = [for owner in each.value.owners : module.alerts[each.key].channels[owner]]
  currency        = local.settings.budget.currency
  label           = { team = each.key }
  name            = local.name[each.key].stack
  project_number  = module.project.number
  topic           = module.observability.topic
}

# Last, so that it is the first to be destroyed: a refused destroy then destroys nothing.
module "environment_guard" {
  source      = "../../modules/shared/environment-guard"
  cloud       = local.cloud
  environment = var.environment
  depends_on  = [module.artifact_store, module.audit_key, module.audit_store, module.identity, module.network, module.project]
}
