module "settings" {
  source      = "../../modules/shared/settings"
  cloud       = "gcp"
  environment = var.stands_in
  settings    = var.settings
}

locals {
  simulated = false # the offline provider's override says true

  _file     = yamldecode(file("${var.settings}/server.yaml"))
  _defaults = jsondecode(file("${path.module}/../../modules/shared/settings/defaults.json")).server
  server = merge(local._defaults, local._file, {
    for part in ["database", "replicas", "secrets"] : part => merge(local._defaults[part], try(local._file[part], {}))
    }, {
    gcp = merge(local._defaults.gcp, local._file.gcp, {
      network = merge(local._defaults.gcp.network, try(local._file.gcp.network, {}))
    })
  })

  gcp     = module.settings.cloud
  labels  = module.settings.teams["platform"].labels
  account = "${module.settings.server}@${local.gcp.project_id}.iam.gserviceaccount.com" # which the environment makes
  name    = "server-${var.stands_in}"
  bucket  = "${module.settings.environment.prefix}-server-${var.stands_in}"

  # Keys of secrets are spelt with hyphens where they are names.
  secrets = {
    for key, version in merge(local.server.secrets, { encryption_key = 1 }) :
    replace(key, "_", "-") => { name = "${local.name}-${replace(key, "_", "-")}", version = version }
  }

  trackers = {
    for tracker in local.server.trackers : "mlflow-${substr(sha256(tracker), 0, 5)}" => {
      team        = split("/", tracker)[0]
      environment = split("/", tracker)[1]
    }
  }

  # Service agents that encrypt with the server's key on our behalf.
  # Source: cloud.google.com/iam/docs/service-agents
  agents = {
    database       = "gcp-sa-cloud-sql"
    run            = "serverless-robot-prod"
    secret-manager = "gcp-sa-secretmanager"
    storage        = "gs-project-accounts"
  }
}
