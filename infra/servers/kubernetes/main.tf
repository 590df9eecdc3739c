# The server itself is objects of the cluster, applied beside this: see stack_bootstrap/cluster/server.py. Here is whose
# they are, so that other settings are refused, and a destroy that was not meant.
module "environment_guard" {
  source      = "../../modules/shared/environment-guard"
  cloud       = "kubernetes"
  environment = "server"
}
