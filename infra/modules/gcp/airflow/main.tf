resource "google_service_account" "this" {
  account_id   = var.account_id
  description  = "What the Airflow environment ${var.name} runs as."
  display_name = var.account_id
  project      = var.project_id
}

resource "google_project_iam_member" "this" {
  for_each = toset(["roles/composer.worker"])
  member   = google_service_account.this.member
  project  = var.project_id
  role     = each.value
}

resource "google_composer_environment" "this" {
  labels  = var.labels
  name    = var.name
  project = var.project_id
  region  = var.location

  config {
    enable_private_builds_only = true
    enable_private_environment = true
    environment_size           = var.size
    resilience_mode            = var.protected ? "HIGH_RESILIENCE" : "STANDARD_RESILIENCE"

    encryption_config {
      kms_key_name = var.kms_key
    }

    node_config {
      network         = var.network
      service_account = google_service_account.this.email
      subnetwork      = var.subnet
    }

    software_config {
      image_version = var.image_version
    }
  }

  depends_on = [google_project_iam_member.this]
}

locals {
  _dag_bucket = split("/", trimprefix(google_composer_environment.this.config[0].dag_gcs_prefix, "gs://"))[0]
}

# A team writes below its own prefix only.
resource "google_storage_bucket_iam_member" "dags" {
  for_each = var.writers
  bucket   = local._dag_bucket
  member   = each.value
  role     = "roles/storage.objectUser"

  condition {
    description = "Only the team's own DAGs."
    expression  = "resource.name.startsWith(\"projects/_/buckets/${local._dag_bucket}/objects/dags/${each.key}/\")"
    title       = "own DAGs"
  }
}
