resource "google_monitoring_notification_channel" "email" {
  for_each     = var.emails
  display_name = "${var.name}: ${each.key}"
  labels       = { email_address = each.value }
  project      = var.project_id
  type         = "email"
  user_labels  = var.labels
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
