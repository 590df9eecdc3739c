mock_provider "google" {
  override_during = plan
  mock_resource "google_composer_environment" {
    defaults = { config = { dag_gcs_prefix = "gs://europe-west1-acme-bucket/dags" } }
  }
}

variables {
  account_id = "dev-airflow"
  kms_key    = "projects/p/locations/europe-west1/keyRings/r/cryptoKeys/k"
  location   = "europe-west1"
  name       = "acme-ml-dev"
  network    = "projects/p/global/networks/n"
  project_id = "acme-ml-dev"
  subnet     = "projects/p/regions/europe-west1/subnetworks/s"
}

run "protected_spans_zones" {
  command = plan
  variables {
    protected = true
  }
  assert {
    condition     = google_composer_environment.this.config[0].resilience_mode == "HIGH_RESILIENCE"
    error_message = "A protected environment survives a zone."
  }
}

run "a_team_writes_below_its_own_prefix" {
  command = plan
  variables {
    writers = { oncology = "serviceAccount:oncology-dev-cl@acme-ml-dev.iam.gserviceaccount.com" }
  }
  assert {
    condition     = strcontains(google_storage_bucket_iam_member.dags["oncology"].condition[0].expression, "/objects/dags/oncology/")
    error_message = "A team's DAGs are its own."
  }
}
