# No versioning: an object under a locked retention policy cannot be replaced, so it never has a second version.
resource "google_storage_bucket" "this" {
  force_destroy               = false
  labels                      = var.labels
  location                    = var.location
  name                        = var.name
  project                     = var.project_id
  public_access_prevention    = "enforced"
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true

  encryption {
    default_kms_key_name = var.kms_key
  }

  retention_policy {
    is_locked        = true
    retention_period = var.retention_days * 24 * 3600
  }
}

locals {
  # objectCreator can add, but neither read, replace nor delete.
  _grants = merge(
    { for key, member in var.readers : "${key}/read" => { member = member, role = "roles/storage.objectViewer" } },
    { for key, member in var.appenders : "${key}/append" => { member = member, role = "roles/storage.objectCreator" } },
  )
}

resource "google_storage_bucket_iam_member" "this" {
  for_each = local._grants
  bucket   = google_storage_bucket.this.name
  member   = each.value.member
  role     = each.value.role
}
