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

resource "google_monitoring_notification_channel" "email" {
  for_each     = var.emails
  display_name = "${var.name}: ${each.key}"
  labels       = { email_address = each.value }
  project      = var.project_id
  type         = "email"
  user_labels  = var.labels
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

resource "google_monitoring_alert_policy" "this" {
  for_each              = var.alerts
  combiner              = "OR"
  display_name          = "${var.name}: ${each.key}"
  notification_channels = [for channel in google_monitoring_notification_channel.email : channel.id]
  project               = var.project_id
  severity              = each.value.severity
  user_labels           = var.labels

  alert_strategy {
    auto_close = "86400s"
    notification_rate_limit {
      period = "300s"
    }
  }

  conditions {
    display_name = each.key
    condition_matched_log {
      filter = each.value.filter
    }
  }

  documentation {
    content   = each.value.documentation
    mime_type = "text/markdown"
  }
}
