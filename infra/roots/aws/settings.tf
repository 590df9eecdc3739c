module "settings" {
  source      = "../../modules/shared/settings"
  cloud       = "aws"
  environment = var.environment
  settings    = var.settings
}

data "aws_partition" "current" {}

locals {
  simulated = false # the offline provider's override says true

  aws       = module.settings.cloud
  names     = module.settings.names
  partition = data.aws_partition.current.partition
  settings  = module.settings.environment
  teams     = module.settings.teams

  # An id or alias is of a key of this account; a policy cannot name an alias but as a condition.
  _keys = "arn:${local.partition}:kms:${local.aws.region}:${local.aws.account_id}:key"
  signing_key = local.aws.audit_key == null ? null : (
    can(regex("(^|:)alias/", local.aws.audit_key)) ? { arn = "${local._keys}/*", alias = regex("alias/.*$", local.aws.audit_key) } :
    startswith(local.aws.audit_key, "arn:") ? { arn = local.aws.audit_key, alias = null } :
    { arn = "${local._keys}/${local.aws.audit_key}", alias = null }
  )

  # Roles of other environments that may read this one's log, and logs of others that roles here may read.
  audit_readers = {
    for name, other in module.settings.audit_readers : name => {
      account_id = other.cloud.account_id
      roles      = concat(values(other.clients), [for role in [other.workflow, other.server] : role if role != null])
    }
  }
  audit_sources = {
    for name, other in module.settings.audit_sources : name => { account_id = other.cloud.account_id, bucket = other.audit_store }
  }
  # The role that workflows apply with also promotes and reconciles there.
  workflow_roles = { for ci in module.ci_identity : "workflow" => ci.apply_role_name }

  # Only dev may lose what it holds: its stores can be emptied to destroy them.
  disposable = var.environment == "dev" && !local.settings.protected

  # Of a network that is built, steps of a local orchestrator use nothing: no endpoint is paid for there.
  runs_in_network = local.aws.orchestrator != "local" || local.aws.step_operator != null
}
