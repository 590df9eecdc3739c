mock_provider "google" {}

variables {
  kms_key        = "projects/p/locations/europe-west1/keyRings/r/cryptoKeys/k"
  location       = "europe-west1"
  name           = "acme-ml-oncology-dev-audit"
  project_id     = "acme-ml-dev"
  retention_days = 3653
}

run "always_locked" {
  command = plan
  assert {
    condition     = google_storage_bucket.this.retention_policy[0].is_locked && google_storage_bucket.this.retention_policy[0].retention_period == 315619200
    error_message = "Retention is locked for as long as the environment says."
  }
}

run "retention_is_possible" {
  command = plan
  variables {
    retention_days = 36501
  }
  expect_failures = [var.retention_days]
}
