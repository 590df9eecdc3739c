locals {
  _locked = var.retention_days != null
}

# Under a locked retention policy an object cannot be replaced: it has no second version, and nothing deletes it.
resource "google_storage_bucket" "this" {
  force_destroy               = var.force_destroy
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

  dynamic "lifecycle_rule" {
    for_each = local._locked ? [] : [true]
    content {
      action {
        type = "Delete"
      }
      condition {
        days_since_noncurrent_time = var.noncurrent_days
        with_state                 = "ARCHIVED"
      }
    }
  }

  dynamic "lifecycle_rule" {
    for_each = local._locked ? [] : [true]
    content {
      action {
        type = "AbortIncompleteMultipartUpload"
      }
      condition {
        age = 7
      }
    }
  }

  dynamic "retention_policy" {
    for_each = local._locked ? [var.retention_days] : []
    content {
      is_locked        = true
      retention_period = retention_policy.value * 24 * 3600
    }
  }

  dynamic "soft_delete_policy" {
    for_each = local._locked ? [] : [var.soft_delete_days]
    content {
      retention_duration_seconds = soft_delete_policy.value * 24 * 3600
    }
  }

  dynamic "versioning" {
    for_each = local._locked ? [] : [true]
    content {
      enabled = true
    }
  }
}

locals {
  # objectCreator can add, but neither read, replace nor delete. What is locked is found by name; of an artifact store
  # clients look the bucket up first, which no object role allows.
  _grants = merge(
    { for key, member in var.appenders : "${key}/append" => { member = member, role = "roles/storage.objectCreator" } },
    { for key, member in var.readers : "${key}/read" => { member = member, role = "roles/storage.objectViewer" } },
    { for key, member in var.writers : "${key}/write" => { member = member, role = "roles/storage.objectUser" } },
    {
      for key, member in merge(var.readers, var.writers) :
      "${key}/find" => { member = member, role = "roles/storage.bucketViewer" } if !local._locked
    },
  )
}

resource "google_storage_bucket_iam_member" "this" {
  for_each = local._grants
  bucket   = google_storage_bucket.this.name
  member   = each.value.member
  role     = each.value.role
}
