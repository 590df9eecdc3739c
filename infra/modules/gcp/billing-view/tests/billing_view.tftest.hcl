mock_provider "google" {}

variables {
  export_table = "acme-billing.export.gcp_billing_export_v1_000000_000000_000000"
  location     = "EU"
  project_id   = "acme-ml-dev"
}

run "the_view_shows_this_project_only" {
  command = plan
  assert {
    condition     = strcontains(google_bigquery_table.spend.view[0].query, "WHERE project.id = 'acme-ml-dev'")
    error_message = "Another environment's cost must not be seen here."
  }
  assert {
    condition     = alltrue([for label in ["team", "pipeline", "model", "run"] : strcontains(google_bigquery_table.spend.view[0].query, "key = '${label}') AS ${label}")])
    error_message = "Spend is reported by these labels."
  }
  assert {
    condition     = strcontains(google_bigquery_table.spend.view[0].query, "UNNEST(credits)")
    error_message = "Credits are part of what was paid."
  }
}

run "nobody_reads_it_unasked" {
  command = plan
  assert {
    condition     = length(google_bigquery_dataset_iam_member.reader) == 0
    error_message = "Only named readers see costs."
  }
}

run "another_table_is_refused" {
  command = plan
  variables {
    export_table = "acme-billing.export.prices"
  }
  expect_failures = [var.export_table]
}

run "without_a_key_google_encrypts" {
  command = plan
  assert {
    condition     = length(google_bigquery_dataset.this.default_encryption_configuration) == 0
    error_message = "An empty key is refused by BigQuery."
  }
}

run "with_a_key_that_one_encrypts" {
  command = plan
  variables {
    kms_key = "projects/p/locations/eu/keyRings/r/cryptoKeys/k"
  }
  assert {
    condition     = google_bigquery_dataset.this.default_encryption_configuration[0].kms_key_name == "projects/p/locations/eu/keyRings/r/cryptoKeys/k"
    error_message = "The named key encrypts."
  }
}
