module "settings" {
  source      = "../../modules/shared/settings"
  cloud       = "aws"
  environment = var.stands_in
  settings    = var.settings
}

data "aws_partition" "current" {}

locals {
  simulated = false # the offline provider's override says true

  _file     = yamldecode(file("${var.settings}/server.yaml"))
  _defaults = jsondecode(file("${path.module}/../../modules/shared/settings/defaults.json")).server
  server = merge(local._defaults, local._file, {
    for part in ["database", "replicas", "secrets"] : part => merge(local._defaults[part], try(local._file[part], {}))
    }, {
    aws = merge(local._defaults.aws, local._file.aws, {
      network = merge(local._defaults.aws.network, try(local._file.aws.network, {}))
    })
  })

  aws       = module.settings.cloud
  labels    = module.settings.teams["platform"].labels
  names     = module.settings.names
  partition = data.aws_partition.current.partition
  name      = "server-${var.stands_in}"
  bucket    = "${module.settings.environment.prefix}-server-${var.stands_in}"

  # Keys of secrets are spelt with hyphens where they are names, and each name holds the environment's, by which its
  # boundary knows what is its own.
  secrets    = { for key, version in local.server.secrets : "${local.name}-${replace(key, "_", "-")}" => version }
  encryption = "${local.name}-encryption-key"

  trackers = {
    for tracker in local.server.trackers : "mlflow-${substr(sha256(tracker), 0, 5)}" => {
      team        = split("/", tracker)[0]
      environment = split("/", tracker)[1]
    }
  }

  _keys = "arn:${local.partition}:kms:${local.aws.region}:${local.aws.account_id}:key"
  signing_key = local.aws.audit_key == null ? null : (
    can(regex("(^|:)alias/", local.aws.audit_key)) ? { arn = "${local._keys}/*", alias = regex("alias/.*$", local.aws.audit_key) } :
    startswith(local.aws.audit_key, "arn:") ? { arn = local.aws.audit_key, alias = null } :
    { arn = "${local._keys}/${local.aws.audit_key}", alias = null }
  )

  # What a name in a registry's URI leaves when host and digest are taken off.
  image_repository = regex("^[^/]+/([^@:]+)", local.server.image)[0]
}
