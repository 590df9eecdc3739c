resource "google_secret_manager_secret" "this" {
  for_each            = var.secrets
  deletion_protection = var.protected
  labels              = var.labels
  project             = var.project_id
  secret_id           = each.value.name

  replication {
    user_managed {
      replicas {
        location = var.location
        customer_managed_encryption {
          kms_key_name = var.kms_key
        }
      }
    }
  }
}

# The value is write-only: it reaches the provider and nothing else, neither plan nor state. Later runs need not give
# it again; where a version is new, an empty one is refused by the API.
resource "google_secret_manager_secret_version" "this" {
  for_each               = { for key, secret in var.secrets : key => secret if secret.version > 0 }
  deletion_policy        = "DISABLE"
  secret                 = google_secret_manager_secret.this[each.key].id
  secret_data_wo         = lookup(var.values, each.key, "")
  secret_data_wo_version = each.value.version
}

resource "google_secret_manager_secret_iam_member" "reader" {
  for_each = merge([
    for key in keys(var.secrets) : { for name, member in var.readers : "${key}/${name}" => { key = key, member = member } }
  ]...)
  member    = each.value.member
  project   = var.project_id
  role      = "roles/secretmanager.secretAccessor"
  secret_id = google_secret_manager_secret.this[each.value.key].secret_id
}
