mock_provider "google" {}

variables {
  billing_account = "012345-6789AB-CDEF01"
  parent          = "folders/123456789012"
  project_id      = "acme-ml-dev"
  services        = ["storage.googleapis.com"]
}

run "unprotected_can_be_deleted" {
  command = plan
  assert {
    condition     = google_project.this[0].deletion_policy == "DELETE" && length(google_resource_manager_lien.this) == 0
    error_message = "An unprotected project has neither a lien nor a deletion policy that refuses."
  }
}

run "below_an_organization" {
  command = plan
  variables {
    parent = "organizations/42"
  }
  assert {
    condition     = google_project.this[0].org_id == "42" && google_project.this[0].folder_id == null
    error_message = "The parent says where the project goes."
  }
}

run "existing_is_not_created" {
  command = plan
  variables {
    billing_account = null
    create          = false
    parent          = null
  }
  assert {
    condition     = length(google_project.this) == 0 && length(google_project_default_service_accounts.this) == 0 && length(google_project_service.this) == 1
    error_message = "Of an existing project only what is in it is managed."
  }
}

run "creating_needs_a_billing_account" {
  command = plan
  variables {
    billing_account = null
  }
  expect_failures = [google_project.this]
}

run "project_ids_are_checked" {
  command = plan
  variables {
    project_id = "Acme"
  }
  expect_failures = [var.project_id]
}

run "the_default_network_is_refused" {
  variables {
    create   = false
    services = ["compute.googleapis.com"]
  }
  override_data {
    target = data.google_compute_networks.present
    values = { networks = ["default", "acme-ml-dev"] }
  }
  expect_failures = [data.google_compute_networks.present]
}
