locals {
  # A budget notifies five channels at most.
  _channels = slice(var.channels, 0, min(5, length(var.channels)))
}

resource "google_billing_budget" "this" {
  billing_account = var.billing_account
  display_name    = var.name

  amount {
    specified_amount {
      currency_code = var.currency
      nanos         = floor((var.amount - floor(var.amount)) * 1000000000)
      units         = tostring(floor(var.amount))
    }
  }

  budget_filter {
    calendar_period = "MONTH"
    labels          = var.label
    projects        = ["projects/${var.project_number}"]
  }

  dynamic "threshold_rules" {
    for_each = var.alert_at
    content {
      spend_basis       = "CURRENT_SPEND"
      threshold_percent = threshold_rules.value
    }
  }

  all_updates_rule {
    disable_default_iam_recipients   = length(local._channels) > 0
    monitoring_notification_channels = local._channels
    pubsub_topic                     = var.topic
  }
}
