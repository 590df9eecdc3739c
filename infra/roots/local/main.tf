# The local cloud: folders on this machine instead of buckets, the same contract as every cloud.

# Last, so that it is the first to be destroyed: a refused destroy then destroys nothing.
module "environment_guard" {
  source      = "../../modules/shared/environment-guard"
  cloud       = "local"
  environment = var.environment
  depends_on  = [module.team_folders]
}
