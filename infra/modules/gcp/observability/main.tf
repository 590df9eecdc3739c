resource "google_logging_project_bucket_config" "this" {
  bucket_id      = var.name
  description    = "Logs of pipelines and audit logs, kept as long as the environment says."
  location       = var.location
  locked         = var.locked
  project        = var.project_id
  retention_days = var.retention_days
}

resource "google_logging_project_sink" "this" {
  description            = "Everything that pipelines write and everything that is audited."
  destination            = "logging.googleapis.com/${google_logging_project_bucket_config.this.id}"
  filter                 = var.filter
  name                   = var.name
  project                = var.project_id
  unique_writer_identity = true
}

resource "google_pubsub_topic" "budget" {
  kms_key_name = var.kms_key
  labels       = var.labels
  name         = "${var.name}-budget"
  project      = var.project_id

  message_storage_policy {
    allowed_persistence_regions = [var.location]
  }
}
