mock_provider "google" {}

variables {
  kms_key          = "projects/p/locations/europe-west1/keyRings/r/cryptoKeys/k"
  location         = "europe-west1"
  name             = "acme-ml-dev"
  network          = "projects/p/global/networks/n"
  nodes_account_id = "dev-nodes"
  project_id       = "acme-ml-dev"
  subnet           = "projects/p/regions/europe-west1/subnetworks/s"
}

run "unprotected_can_be_deleted" {
  command = plan
  assert {
    condition     = google_container_cluster.this.deletion_protection == false
    error_message = "Deleting is refused in protected environments only."
  }
}

run "kubeconfig_context" {
  command = plan
  assert {
    condition     = output.context == "gke_acme-ml-dev_europe-west1_acme-ml-dev"
    error_message = "The context is what gcloud calls it."
  }
}

run "names_are_checked" {
  command = plan
  variables {
    name = "a-name-that-is-longer-than-forty-characters"
  }
  expect_failures = [var.name]
}
