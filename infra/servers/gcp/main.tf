# The shared server on Google Cloud: once, for every environment, in the project of the one that it stands in.

module "project" {
  source           = "../../modules/gcp/project"
  audited_services = ["cloudsql.googleapis.com"] # the environment logs those of its own
  create           = false
  project_id       = local.gcp.project_id
  services         = ["certificatemanager.googleapis.com", "run.googleapis.com", "sqladmin.googleapis.com"]
}

module "kms" {
  source     = "../../modules/gcp/kms"
  keys       = { server = {} }
  location   = local.gcp.region
  name       = local.name
  project_id = module.project.id
  users      = { for name, agent in local.agents : name => "serviceAccount:service-${module.project.number}@${agent}.iam.gserviceaccount.com" }
}

module "network" {
  source          = "../../modules/gcp/network"
  cidr            = local.server.gcp.network.cidr
  existing        = local.server.gcp.network.existing
  existing_subnet = try(local.server.gcp.network.existing_subnets[0], null)
  name            = local.name
  project_id      = module.project.id
  region          = local.gcp.region
}

module "secrets" {
  source     = "../../modules/gcp/secrets"
  kms_key    = module.kms.keys["server"]
  location   = local.gcp.region
  project_id = module.project.id
  protected  = local.server.protected
  readers    = { server = "serviceAccount:${local.account}" }
  secrets    = local.secrets
  values     = { for key, value in var.server_secret_values : replace(key, "_", "-") => value }
}

# Files of the trackers' runs, below a folder for each.
module "files" {
  source     = "../../modules/gcp/bucket"
  kms_key    = module.kms.keys["server"]
  location   = local.gcp.region
  name       = "${local.bucket}-files"
  project_id = module.project.id
  writers    = { server = "serviceAccount:${local.account}" }
}

module "server" {
  source            = "../../modules/gcp/server"
  certificate       = local.server.gcp.certificate
  database_password = lookup(var.server_secret_values, "database_password", "") # never null: that is refused even where nothing is written
  domain            = local.server.domain
  image             = local.server.image
  kms_key           = module.kms.keys["server"]
  location          = local.gcp.region
  name              = local.name
  network           = module.network.id
  project_id        = module.project.id
  protected         = local.server.protected
  proxy_cidr        = local.server.gcp.proxy_cidr
  replicas          = local.server.replicas
  service_account   = local.account
  services          = local.services
  subnet            = module.network.subnet_id
  database = {
    backup_days      = local.server.database.backup_days
    password_version = local.server.secrets.database_password
    storage_gb       = local.server.database.storage_gb
    tier             = local.server.gcp.database_tier
    version          = local.server.database.version
  }
}

# Last, so that it is the first to be destroyed: a refused destroy then destroys nothing.
module "environment_guard" {
  source      = "../../modules/shared/environment-guard"
  cloud       = "gcp"
  environment = "server"
  depends_on  = [module.files, module.kms, module.network, module.project, module.secrets, module.server]
}

locals {
  _reference = {
    for key in ["administrator-password", "database-password", "encryption-key", "token-key"] :
    key => { name = module.secrets.names[key], version = module.secrets.versions[key] }
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
          GROUNDWORK_TRACKER_FILES    = "${module.files.url}/${tracker.team}/${tracker.environment}"
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
