mock_provider "google" {}

variables {
  kms_key    = "projects/p/locations/europe-west1/keyRings/r/cryptoKeys/k"
  location   = "europe-west1"
  name       = "oncology-dev"
  project_id = "acme-ml-dev"
}

run "image_names_start_with_the_uri" {
  command = plan
  assert {
    condition     = output.uri == "europe-west1-docker.pkg.dev/acme-ml-dev/oncology-dev"
    error_message = "The URI is what docker and ZenML need."
  }
}

run "names_are_checked" {
  command = plan
  variables {
    name = "1st"
  }
  expect_failures = [var.name]
}
