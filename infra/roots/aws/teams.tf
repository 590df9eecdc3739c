# What each team has, and the platform beside them.

module "identity" {
  source               = "../../modules/aws/identity"
  for_each             = local.teams
  client_name          = each.value.names.client
  client_principals    = local.aws.client_principals
  cluster              = local.aws.cluster
  orchestrator         = local.aws.orchestrator
  permissions_boundary = module.permissions_boundary.arn
  step_operator        = local.aws.step_operator
  tags                 = each.value.own_labels
  team                 = each.key
  workload_name        = each.value.names.workload
  github = one([for ci in module.ci_identity : {
    provider_arn = ci.provider_arn
    subject      = ci.environment_subject
  }])
}

module "artifact_store" {
  source        = "../../modules/aws/artifact-store"
  for_each      = local.teams
  name          = each.value.names.artifact_store
  access_log    = { bucket = module.access_logs.name }
  force_destroy = local.disposable
  kms_key_arn   = module.encryption_key.arn
  tags          = each.value.own_labels
  writers       = { for role in ["client", "workload"] : role => module.identity[each.key][role].name }
}

module "container_registry" {
  source       = "../../modules/aws/container-registry"
  for_each     = local.teams
  name         = each.value.names.registry
  force_delete = local.disposable
  kms_key_arn  = module.encryption_key.arn
  readers      = { workload = module.identity[each.key].workload.name }
  tags         = each.value.own_labels
  writers      = { client = module.identity[each.key].client.name }
}

module "secrets" {
  source        = "../../modules/aws/secrets"
  for_each      = local.teams
  kms_key_arn   = module.encryption_key.arn
  readers       = { client = module.identity[each.key].client.name }
  recovery_days = local.settings.protected ? 30 : 0 # AWS keeps the name as long, and it could not be made again
  secrets       = { for key, version in local.aws.secrets : each.value.names.secrets[key] => version }
  tags          = each.value.own_labels
  values = {
    for key, value in lookup(var.secret_values, each.key, {}) : lookup(each.value.names.secrets, key, key) => value
  }
}

module "observability" {
  source         = "../../modules/aws/observability"
  for_each       = local.teams
  kms_key_arn    = module.encryption_key.arn
  names          = { team = each.value.names.log_group }
  retention_days = local.settings.retention.logs_days
  tags           = each.value.own_labels
  writers        = { for role in ["client", "workload"] : role => module.identity[each.key][role].name }
}

module "budget" {
  source         = "../../modules/aws/budget"
  for_each       = local.teams
  name           = each.value.names.stack
  alert_at       = local.settings.budget.alert_at
  amount         = local.aws.budgets ? each.value.budget : null
  anomaly_impact = each.key == "platform" ? each.value.budget / 10 : null
  currency       = local.aws.budgets ? local.settings.budget.currency : null
  emails         = each.value.owners
  filter_tags    = each.key == "platform" ? { environment = var.environment } : { team = each.key }
  kms_key_arn    = module.encryption_key.arn
  tags           = each.value.own_labels
}

module "cluster_access" {
  source       = "../../modules/aws/cluster-access"
  for_each     = local.aws.orchestrator == "kubernetes" ? local.teams : {}
  accounts     = values(module.cluster_orchestrator[each.key].accounts)
  client_arn   = module.identity[each.key].client.arn
  client_group = each.value.names.namespace
  cluster      = local.aws.cluster
  namespace    = each.value.names.namespace
  tags         = each.value.own_labels
  workload_arn = module.identity[each.key].workload.arn
}
