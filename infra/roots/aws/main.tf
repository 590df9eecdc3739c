# AWS: one account per environment. First what the environment shares, then what every team has.

module "encryption_key" {
  source      = "../../modules/aws/encryption-key"
  name        = var.environment
  description = "Everything that ${var.environment} keeps."
  logs_region = local.settings.region
  services    = ["budgets.amazonaws.com", "costalerts.amazonaws.com"]
}

module "access_logs" {
  source         = "../../modules/aws/bucket"
  name           = local.access_logs
  force_destroy  = local.disposable
  lifecycle_days = { noncurrent = 30, expire = local.settings.retention.logs_days }
  policy_documents = [
    data.aws_iam_policy_document.access_logs.json
  ]
}

data "aws_iam_policy_document" "access_logs" {
  statement {
    sid       = "S3DeliversLogs"
    actions   = ["s3:PutObject"]
    resources = ["arn:aws:s3:::${local.access_logs}/*"]
    principals {
      type        = "Service"
      identifiers = ["logging.s3.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.settings.account_id]
    }
  }
}

module "permissions_boundary" {
  source      = "../../modules/aws/permissions-boundary"
  environment = var.environment
  prefix      = local.settings.prefix
}

module "ci_identity" {
  source               = "../../modules/aws/ci-identity"
  for_each             = local.settings.github == null ? {} : { github = local.settings.github }
  environment          = var.environment
  permissions_boundary = module.permissions_boundary.arn
  prefix               = local.settings.prefix
  repository           = each.value
  role_names           = local.ci_names
  state_bucket         = local.state_bucket
}

# SageMaker writes to log groups of fixed names; made here, they are encrypted and expire.
module "job_logs" {
  source         = "../../modules/aws/observability"
  kms_key_arn    = module.encryption_key.arn
  retention_days = local.settings.retention.logs_days
  names = merge(
    { network = replace(replace(local._names.log_group, "{environment}", var.environment), "{team}", "network") },
    local.settings.orchestrator == "sagemaker" || local.settings.step_operator == "sagemaker" ? {
      processing = "/aws/sagemaker/ProcessingJobs"
      training   = "/aws/sagemaker/TrainingJobs"
    } : {},
  )
}

module "network" {
  source               = "../../modules/aws/network"
  name                 = var.environment
  cidr                 = local.settings.network.cidr
  flow_log_group_arn   = module.job_logs.arns.network
  interface_endpoints  = local.runs_in_network ? null : []
  permissions_boundary = module.permissions_boundary.arn
  users                = local.runs_in_network ? { for team, identity in module.identity : team => identity.workload.name } : {}
  existing = local.settings.network.existing == null ? null : {
    vpc_id     = local.settings.network.existing
    subnet_ids = local.settings.network.subnets
  }
}

module "identity" {
  source               = "../../modules/aws/identity"
  for_each             = local.teams
  client_name          = local.names[each.key].client
  client_principals    = local.settings.client_principals
  cluster              = local.settings.cluster
  orchestrator         = local.settings.orchestrator
  permissions_boundary = module.permissions_boundary.arn
  step_operator        = local.settings.step_operator
  tags                 = local.tags[each.key]
  team                 = each.key
  workload_name        = local.names[each.key].workload
  github = one([for ci in module.ci_identity : {
    provider_arn = ci.provider_arn
    subject      = ci.environment_subject
  }])
}

module "artifact_store" {
  source        = "../../modules/aws/artifact-store"
  for_each      = local.teams
  name          = local.names[each.key].artifacts
  access_log    = { bucket = module.access_logs.name }
  force_destroy = local.disposable
  kms_key_arn   = module.encryption_key.arn
  tags          = local.tags[each.key]
  writers       = { for role in ["client", "workload"] : role => module.identity[each.key][role].name }
}

# One log for the environment, to which every team's runs append.
module "audit_store" {
  source         = "../../modules/aws/audit-store"
  name           = local.names.platform.audit
  access_log     = { bucket = module.access_logs.name }
  kms_key_arn    = module.encryption_key.arn
  minimum_days   = min(local.settings.retention.logs_days, local.settings.retention.documentation_days)
  retention_days = local.settings.retention.documentation_days
  signing_key    = local.signing_key
  writers = merge([
    for team, identity in module.identity : {
      "${team}-client"   = identity.client.name
      "${team}-workload" = identity.workload.name
    }
  ]...)
}

module "container_registry" {
  source       = "../../modules/aws/container-registry"
  for_each     = local.teams
  name         = local.names[each.key].registry
  force_delete = local.disposable
  kms_key_arn  = module.encryption_key.arn
  readers      = { workload = module.identity[each.key].workload.name }
  tags         = local.tags[each.key]
  writers      = { client = module.identity[each.key].client.name }
}

module "secrets" {
  source        = "../../modules/aws/secrets"
  for_each      = local.teams
  kms_key_arn   = module.encryption_key.arn
  readers       = { client = module.identity[each.key].client.name }
  recovery_days = local.disposable ? 0 : 30
  secrets       = { for key, version in local.settings.secrets : local.names[each.key].secrets[key] => version }
  tags          = local.tags[each.key]
  values = {
    for key, value in lookup(var.secret_values, each.key, {}) : lookup(local.names[each.key].secrets, key, key) => value
  }
}

module "observability" {
  source         = "../../modules/aws/observability"
  for_each       = local.teams
  kms_key_arn    = module.encryption_key.arn
  names          = { team = local.names[each.key].log_group }
  retention_days = local.settings.retention.logs_days
  tags           = local.tags[each.key]
  writers        = { for role in ["client", "workload"] : role => module.identity[each.key][role].name }
}

module "budget" {
  source         = "../../modules/aws/budget"
  for_each       = local.teams
  name           = local.names[each.key].stack
  alert_at       = try(local.settings.budget.alert_at, null)
  amount         = local.settings.budgets ? each.value.budget : null
  anomaly_impact = each.key == "platform" ? each.value.budget / 10 : null
  currency       = local.settings.budgets ? local.settings.budget.currency : null
  emails         = each.value.emails
  filter_tags    = each.key == "platform" ? { environment = var.environment } : { team = each.key }
  kms_key_arn    = module.encryption_key.arn
  tags           = local.tags[each.key]
}

module "environment_guard" {
  source      = "../../modules/shared/environment-guard"
  cloud       = local.cloud
  environment = var.environment
  depends_on = [ # so that it is the first to be destroyed
    module.access_logs, module.artifact_store, module.audit_store, module.budget, module.ci_identity,
    module.container_registry, module.encryption_key, module.identity, module.job_logs, module.network,
    module.observability, module.permissions_boundary, module.secrets,
  ]
}
