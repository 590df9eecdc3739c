# The shared server on AWS: once, for every environment, in the account of the one that it stands in.

module "encryption_key" {
  source      = "../../modules/aws/encryption-key"
  name        = local.name
  description = "Database, secrets and logs of the shared server."
  logs_region = local.aws.region
}

module "logs" {
  source      = "../../modules/aws/observability"
  kms_key_arn = module.encryption_key.arn
  names = {
    metrics = "RDSOSMetrics" # a fixed name, to which RDS writes what it measures; made here, it is encrypted and expires
    network = "/groundwork/${local.name}/network"
    server  = "/groundwork/${local.name}/server"
  }
  retention_days = module.settings.environment.retention.logs_days
}

# What the load balancer and the bucket of files write; both take no key but S3's own.
module "access_logs" {
  source           = "../../modules/aws/bucket"
  name             = "${local.bucket}-logs"
  force_destroy    = !local.server.protected
  lifecycle_days   = { noncurrent = 30, expire = module.settings.environment.retention.logs_days }
  policy_documents = [data.aws_iam_policy_document.access_logs.json]
}

data "aws_iam_policy_document" "access_logs" {
  statement {
    sid       = "S3DeliversLogs"
    actions   = ["s3:PutObject"]
    resources = ["arn:${local.partition}:s3:::${local.bucket}-logs/*"]
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
  statement {
    sid       = "LoadBalancerDeliversLogs"
    actions   = ["s3:PutObject"]
    resources = ["arn:${local.partition}:s3:::${local.bucket}-logs/${local.name}/AWSLogs/${local.aws.account_id}/*"]
    principals {
      type        = "Service"
      identifiers = ["logdelivery.elasticloadbalancing.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.aws.account_id]
    }
  }
}

module "network" {
  source               = "../../modules/aws/network"
  name                 = local.name
  cidr                 = local.server.aws.network.cidr
  flow_log_group_arn   = module.logs.arns.network
  interface_endpoints  = ["ecr.api", "ecr.dkr", "kms", "logs", "secretsmanager", "sts"]
  permissions_boundary = local.boundary
  existing = local.server.aws.network.existing == null ? null : {
    vpc_id     = local.server.aws.network.existing
    subnet_ids = local.server.aws.network.existing_subnets
  }
}

module "secrets" {
  source        = "../../modules/aws/secrets"
  kms_key_arn   = module.encryption_key.arn
  recovery_days = local.server.protected ? 30 : 0
  secrets       = merge(local.secrets, { (local.encryption) = 1 })
  values = {
    for key, value in var.server_secret_values : "${local.name}-${replace(key, "_", "-")}" => value
  }
}

# Files of the trackers' runs, below a folder for each.
module "files" {
  source         = "../../modules/aws/bucket"
  name           = "${local.bucket}-files"
  access_log     = { bucket = module.access_logs.name }
  encryption_key = { arn = module.encryption_key.arn }
}

module "server" {
  source               = "../../modules/aws/server"
  name                 = local.name
  access_log           = { bucket = module.access_logs.name }
  certificate_arn      = local.server.aws.certificate_arn
  clients              = local.server.aws.clients
  database_password    = lookup(var.server_secret_values, "database_password", "") # never null: that is refused even where nothing is written
  files_bucket         = module.files.name
  image                = local.server.image
  image_repository     = local.image_repository
  kms_key_arn          = module.encryption_key.arn
  log_group            = module.logs.names.server
  permissions_boundary = local.boundary
  protected            = local.server.protected
  replicas             = local.server.replicas
  services             = local.services
  subnet_ids           = module.network.subnet_ids
  vpc_id               = module.network.vpc_id
  audit_logs = {
    buckets     = merge({ (var.stands_in) = local.names.audit_store }, { for name, log in module.settings.audit_sources : name => log.audit_store })
    own         = local.names.audit_store
    signing_key = local.signing_key
  }
  database = {
    backup_days      = local.server.database.backup_days
    class            = local.server.aws.database_class
    password_version = local.server.secrets.database_password
    storage_gb       = local.server.database.storage_gb
    version          = local.server.database.version
  }
}

# Last, so that it is the first to be destroyed: a refused destroy then destroys nothing.
module "environment_guard" {
  source      = "../../modules/shared/environment-guard"
  cloud       = "aws"
  environment = "server"
  depends_on = [
    module.access_logs, module.encryption_key, module.files, module.logs, module.network, module.secrets, module.server,
  ]
}

locals {
  boundary = "arn:${local.partition}:iam::${local.aws.account_id}:policy/${var.stands_in}-boundary" # of the environment

  _reference = {
    for key in ["administrator-password", "database-password", "encryption-key", "token-key"] :
    key => module.secrets.references["${local.name}-${key}"]
  }

  services = merge(
    {
      zenml = {
        command     = ["python", "-m", "governance.server.container", "zenml"]
        environment = { ZENML_SERVER_SERVER_URL = "https://${local.server.domain}" }
        health_path = "/ready"
        host        = local.server.domain
        secrets = {
          GROUNDWORK_DATABASE_PASSWORD       = local._reference["database-password"]
          ZENML_DEFAULT_USER_PASSWORD        = local._reference["administrator-password"]
          ZENML_SECRETS_STORE_ENCRYPTION_KEY = local._reference["encryption-key"]
          ZENML_SERVER_JWT_SECRET_KEY        = local._reference["token-key"]
        }
      }
    },
    {
      for key, tracker in local.trackers : key => {
        command = ["python", "-m", "governance.server.container", "tracker"]
        environment = {
          GROUNDWORK_TRACKER_FILES    = "s3://${module.files.name}/${tracker.team}/${tracker.environment}"
          GROUNDWORK_TRACKER_OWNER    = "${tracker.team}/${tracker.environment}"
          GROUNDWORK_TRACKER_SERVER   = "https://${local.server.domain}"
          MLFLOW_SERVER_ALLOWED_HOSTS = "${tracker.team}-${tracker.environment}.${local.server.domain}"
        }
        health_path = "/health"
        host        = "${tracker.team}-${tracker.environment}.${local.server.domain}"
        secrets     = { GROUNDWORK_DATABASE_PASSWORD = local._reference["database-password"] }
      }
    },
  )
}
