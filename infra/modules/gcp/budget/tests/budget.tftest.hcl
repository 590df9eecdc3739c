mock_provider "google" {}

variables {
  alert_at        = [0.5, 1.0]
  amount          = 100
  billing_account = "012345-6789AB-CDEF01"
  currency        = "EUR"
  name            = "dev"
  project_number  = "123456789012"
}

run "five_channels_at_most" {
  command = plan
  variables {
    channels = ["a", "b", "c", "d", "e", "f"]
  }
  assert {
    condition     = length(google_billing_budget.this.all_updates_rule[0].monitoring_notification_channels) == 5
    error_message = "The API takes five channels."
  }
}

run "one_label_at_most" {
  command = plan
  variables {
    label = { team = "a", cost_center = "b" }
  }
  expect_failures = [var.label]
}

run "more_than_nothing" {
  command = plan
  variables {
    amount = 0
  }
  expect_failures = [var.amount]
}
