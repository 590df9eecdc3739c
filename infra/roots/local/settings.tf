module "settings" {
  source      = "../../modules/shared/settings"
  cloud       = "local"
  environment = var.environment
  settings    = var.settings
}

locals {
  settings = module.settings.environment
  teams    = module.settings.teams
}
