# AWS: one account per environment. What it has once.

module "encryption_key" {
  source         = "../../modules/aws/encryption-key"
  name           = var.environment
  bucket_readers = { for name, reader in local.audit_readers : name => merge(reader, { bucket = local.names.audit_store }) }
  description    = "Everything that ${var.environment} keeps."
  logs_region    = local.aws.region
  services       = ["budgets.amazonaws.com", "costalerts.amazonaws.com"]
}

module "access_logs" {
  source         = "../../modules/aws/bucket"
  name           = local.names.access_logs
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
    resources = ["arn:${local.partition}:s3:::${local.names.access_logs}/*"]
    principals {
      type        = "Service"
      identifiers = ["logging.s3.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.aws.account_id]
    }
  }
}

module "permissions_boundary" {
  source      = "../../modules/aws/permissions-boundary"
  audit_logs  = local.audit_sources
  environment = var.environment
  prefix      = local.settings.prefix
}

module "ci_identity" {
  source               = "../../modules/aws/ci-identity"
  for_each             = local.aws.github == null ? {} : { github = local.aws.github }
  cluster              = local.aws.orchestrator == "kubernetes" ? local.aws.cluster : null
  environment          = var.environment
  permissions_boundary = module.permissions_boundary.arn
  prefix               = local.settings.prefix
  repository           = each.value
  role_names           = local.names.identities
  state_bucket         = local.names.state
}

# SageMaker writes to log groups of fixed names; made here, they are encrypted and expire.
module "job_logs" {
  source         = "../../modules/aws/observability"
  kms_key_arn    = module.encryption_key.arn
  retention_days = local.settings.retention.logs_days
  names = merge(
    { network = local.names.network_log_group },
    local.aws.orchestrator == "sagemaker" || local.aws.step_operator == "sagemaker" ? {
      processing = "/aws/sagemaker/ProcessingJobs"
      training   = "/aws/sagemaker/TrainingJobs"
    } : {},
  )
}

module "network" {
  source               = "../../modules/aws/network"
  name                 = var.environment
  cidr                 = local.aws.network.cidr
  flow_log_group_arn   = module.job_logs.arns.network
  interface_endpoints  = local.runs_in_network ? null : []
  permissions_boundary = module.permissions_boundary.arn
  users                = local.runs_in_network ? { for team, identity in module.identity : team => identity.workload.name } : {}
  existing = local.aws.network.existing == null ? null : {
    vpc_id     = local.aws.network.existing
    subnet_ids = local.aws.network.existing_subnets
  }
}

# One log for the environment, to which every team's runs append.
module "audit_store" {
  source         = "../../modules/aws/audit-store"
  name           = local.names.audit_store
  access_log     = { bucket = module.access_logs.name }
  kms_key_arn    = module.encryption_key.arn
  minimum_days   = min(local.settings.retention.logs_days, local.settings.retention.documentation_days)
  retention_days = local.settings.retention.documentation_days
  signing_key    = local.signing_key
  foreign        = local.audit_readers
  appenders = merge(local.workflow_roles, [
    for team, identity in module.identity : {
      "${team}-client"   = identity.client.name
      "${team}-workload" = identity.workload.name
    }
  ]...)
}

module "audit_reader" {
  source     = "../../modules/aws/audit-reader"
  for_each   = local.audit_sources
  account_id = each.value.account_id
  bucket     = each.value.bucket
  name       = each.key
  roles      = merge(local.workflow_roles, { for team, identity in module.identity : team => identity.client.name })
}

# Last, so that it is the first to be destroyed: a refused destroy then destroys nothing.
module "environment_guard" {
  source      = "../../modules/shared/environment-guard"
  cloud       = "aws"
  environment = var.environment
  depends_on = [
    module.access_logs, module.artifact_store, module.audit_reader, module.audit_store, module.budget, module.ci_identity,
    module.cluster_access, module.container_registry, module.encryption_key, module.identity, module.job_logs, module.network,
    module.observability, module.permissions_boundary, module.secrets,
  ]
}
