mock_provider "google" {}

variables {
  name       = "oncology-dev"
  project_id = "acme-ml-dev"
  alerts = {
    "pipeline failed" = { documentation = "Look at its log.", filter = "severity>=ERROR", severity = "ERROR" }
  }
}

run "without_recipients_the_incident_is_opened_all_the_same" {
  command = plan
  assert {
    condition     = length(google_monitoring_alert_policy.this["pipeline failed"].notification_channels) == 0
    error_message = "Nobody else may be told instead."
  }
}

run "every_recipient_is_told_of_every_alert" {
  variables {
    emails = { lead = "lead@example.com", second = "second@example.com" }
  }
  assert {
    condition     = alltrue([for policy in google_monitoring_alert_policy.this : length(policy.notification_channels) == 2])
    error_message = "Every policy lists every channel of its recipient."
  }
}
