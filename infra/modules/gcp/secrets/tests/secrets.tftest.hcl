mock_provider "google" {}

variables {
  kms_key    = "projects/p/locations/europe-west1/keyRings/r/cryptoKeys/k"
  location   = "europe-west1"
  project_id = "acme-ml-dev"
  secrets    = { api-key = { name = "oncology-dev-api-key" } }
}

run "version_0_writes_nothing" {
  command = plan
  assert {
    condition     = length(google_secret_manager_secret_version.this) == 0
    error_message = "Somebody fills the secret in by hand."
  }
}

run "protected_secrets_stay" {
  command = plan
  variables {
    protected = true
  }
  assert {
    condition     = google_secret_manager_secret.this["api-key"].deletion_protection
    error_message = "Deleting is refused."
  }
}

run "values_stay_in_their_region" {
  command = plan
  assert {
    condition     = google_secret_manager_secret.this["api-key"].replication[0].user_managed[0].replicas[0].location == "europe-west1"
    error_message = "One replica, in the region that was given."
  }
}
