# A cluster, a store and a registry that exist already. Here are the buckets.

# One log for the environment, to which every team's runs append.
module "audit_store" {
  source           = "../../modules/kubernetes/bucket"
  for_each         = local.kubernetes.store.create_buckets ? { log = local.names.audit_store } : {}
  name             = each.value
  noncurrent_days  = null
  object_lock_days = local.settings.retention.documentation_days
  tls_only         = local.tls
}

# Last, so that it is the first to be destroyed: a refused destroy then destroys nothing.
module "environment_guard" {
  source      = "../../modules/shared/environment-guard"
  cloud       = "kubernetes"
  environment = var.environment
  depends_on  = [module.artifact_store, module.audit_store]
}
