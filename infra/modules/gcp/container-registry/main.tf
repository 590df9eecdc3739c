resource "google_artifact_registry_repository" "this" {
  cleanup_policy_dry_run = false
  description            = "Images that pipelines run in."
  format                 = "DOCKER"
  kms_key_name           = var.kms_key
  labels                 = var.labels
  location               = var.location
  project                = var.project_id
  repository_id          = var.name

  cleanup_policies {
    action = "DELETE"
    id     = "delete-untagged"
    condition {
      older_than = "${var.untagged_days * 24 * 3600}s"
      tag_state  = "UNTAGGED"
    }
  }

  cleanup_policies {
    action = "KEEP"
    id     = "keep-recent"
    most_recent_versions {
      keep_count = var.keep_recent
    }
  }

  docker_config {
    immutable_tags = true
  }

  vulnerability_scanning_config {
    enablement_config = "INHERITED"
  }
}

locals {
  _grants = merge(
    { for key, member in var.readers : "${key}/read" => { member = member, role = "roles/artifactregistry.reader" } },
    { for key, member in var.writers : "${key}/write" => { member = member, role = "roles/artifactregistry.writer" } },
  )
}

resource "google_artifact_registry_repository_iam_member" "this" {
  for_each   = local._grants
  location   = var.location
  member     = each.value.member
  project    = var.project_id
  repository = google_artifact_registry_repository.this.name
  role       = each.value.role
}
