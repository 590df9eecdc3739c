mock_provider "google" {}

variables {
  location       = "europe-west1"
  name           = "acme-ml-dev"
  project_id     = "acme-ml-dev"
  retention_days = 30
}

run "unlocked_by_default" {
  command = plan
  assert {
    condition     = google_logging_project_bucket_config.this.locked == false
    error_message = "Locking cannot be undone, so it is asked for."
  }
}

run "ten_years_at_most" {
  command = plan
  variables {
    retention_days = 3651
  }
  expect_failures = [var.retention_days]
}
