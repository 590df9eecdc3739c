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

run "what_is_locked_stays_as_long_as_said" {
  command = plan
  variables {
    appenders      = { workload = "serviceAccount:oncology-dev-wl@acme-ml-dev.iam.gserviceaccount.com" }
    retention_days = 3653
  }
  assert {
    condition     = google_storage_bucket.this.retention_policy[0].is_locked && google_storage_bucket.this.retention_policy[0].retention_period == 315619200
    error_message = "Retention is locked for as long as the environment says."
  }
  assert {
    condition     = length(google_storage_bucket.this.lifecycle_rule) == 0 && length(google_storage_bucket.this.versioning) == 0
    error_message = "Nothing deletes or replaces what is locked."
  }
  assert {
    condition     = [for grant in google_storage_bucket_iam_member.this : grant.role] == ["roles/storage.objectCreator"]
    error_message = "Whoever appends neither reads nor replaces."
  }
}

run "retention_is_possible" {
  command = plan
  variables {
    retention_days = 36501
  }
  expect_failures = [var.retention_days]
}

run "what_is_locked_is_not_emptied" {
  command = plan
  variables {
    force_destroy  = true
    retention_days = 365
  }
  expect_failures = [var.retention_days]
}
