mock_provider "google" {}

variables {
  cidr       = "10.20.0.0/20"
  name       = "acme-ml-dev"
  project_id = "acme-ml-dev"
  region     = "europe-west1"
}

run "nothing_but_google_apis_by_default" {
  command = plan
  assert {
    condition     = toset(keys(google_compute_firewall.allow_egress)) == toset(["google-apis", "services"])
    error_message = "No egress to the internet unless ranges are given."
  }
}

run "existing_network_builds_nothing" {
  command = plan
  variables {
    existing        = "shared"
    existing_subnet = "ml"
  }
  assert {
    condition     = length(google_compute_network.this) == 0 && length(google_compute_firewall.allow_inside) == 0 && length(google_dns_managed_zone.google_apis) == 0
    error_message = "An existing network is used as it is."
  }
}

run "existing_network_needs_a_subnet" {
  command = plan
  variables {
    existing = "shared"
  }
  expect_failures = [var.existing_subnet]
}

run "ranges_are_large_enough" {
  command = plan
  variables {
    cidr = "10.20.0.0/24"
  }
  expect_failures = [var.cidr]
}
