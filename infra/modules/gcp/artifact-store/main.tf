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

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = var.noncurrent_days
      with_state                 = "ARCHIVED"
    }
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 7
    }
  }

  soft_delete_policy {
    retention_duration_seconds = var.soft_delete_days * 24 * 3600
  }

  versioning {
    enabled = true
  }
}

locals {
  _grants = merge(
    { for key, member in var.readers : "${key}/read" => { member = member, role = "roles/storage.objectViewer" } },
    { for key, member in var.writers : "${key}/write" => { member = member, role = "roles/storage.objectUser" } },
    # Clients look a bucket up before they use it, which no object role allows.
    { for key, member in merge(var.readers, var.writers) : "${key}/find" => { member = member, role = "roles/storage.bucketViewer" } },
  )
}

resource "google_storage_bucket_iam_member" "this" {
  for_each = local._grants
  bucket   = google_storage_bucket.this.name
  member   = each.value.member
  role     = each.value.role
}
