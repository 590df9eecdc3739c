module "settings" {
  source      = "../../modules/shared/settings"
  cloud       = "kubernetes"
  environment = var.environment
  settings    = var.settings
}

locals {
  simulated = false # the offline provider's override says true

  kubernetes = module.settings.cloud
  names      = module.settings.names
  settings   = module.settings.environment
  teams      = module.settings.teams

  # Only dev may lose what it holds: its stores can be emptied to destroy them.
  disposable = var.environment == "dev" && !local.settings.protected

  tls = startswith(local.kubernetes.store.endpoint, "https://")
}
