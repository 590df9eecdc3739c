# What each team has outside the cluster, and the platform beside them.

module "artifact_store" {
  source        = "../../modules/kubernetes/bucket"
  for_each      = local.kubernetes.store.create_buckets ? local.teams : {}
  name          = each.value.names.artifact_store
  force_destroy = local.disposable
  tags          = each.value.own_labels
  tls_only      = local.tls
}
