mock_provider "google" {}

variables {
  kms_key    = "projects/p/locations/europe-west1/keyRings/r/cryptoKeys/k"
  location   = "europe-west1"
  name       = "acme-ml-oncology-dev-artifacts"
  project_id = "acme-ml-dev"
}

run "nobody_unasked" {
  command = plan
  assert {
    condition     = length(google_storage_bucket_iam_member.this) == 0
    error_message = "Only named members have access."
  }
}

run "soft_delete_can_be_off" {
  command = plan
  variables {
    soft_delete_days = 0
  }
  assert {
    condition     = google_storage_bucket.this.soft_delete_policy[0].retention_duration_seconds == 0
    error_message = "0 turns it off."
  }
}

run "soft_delete_is_a_week_at_least" {
  command = plan
  variables {
    soft_delete_days = 3
  }
  expect_failures = [var.soft_delete_days]
}

run "names_are_checked" {
  command = plan
  variables {
    name = "Acme"
  }
  expect_failures = [var.name]
}
