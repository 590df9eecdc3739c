mock_provider "google" {}

variables {
  client     = { account_id = "oncology-dev-cl" }
  name       = "oncology in dev"
  project_id = "acme-ml-dev"
  workload   = { account_id = "oncology-dev-wl" }
}

run "no_more_than_asked" {
  command = plan
  assert {
    condition     = length(google_project_iam_member.client) + length(google_project_iam_member.workload) + length(google_service_account_iam_member.impersonator) == 0
    error_message = "Roles and impersonators are given by name."
  }
}

run "a_client_that_runs_nothing_acts_as_nobody" {
  command = plan
  variables {
    client = { account_id = "oncology-dev-cl", acts_as_workload = false }
  }
  assert {
    condition     = length(google_service_account_iam_member.client_acts_as_workload) == 0
    error_message = "Acting as the workload is for clients that start jobs."
  }
}

run "no_admin_on_a_project" {
  command = plan
  variables {
    client = { account_id = "oncology-dev-cl", roles = ["roles/storage.admin"] }
  }
  expect_failures = [var.client]
}

run "no_service_agent_role_on_a_project" {
  command = plan
  variables {
    workload = { account_id = "oncology-dev-wl", roles = ["roles/aiplatform.serviceAgent"] }
  }
  expect_failures = [var.workload]
}

run "ids_are_checked" {
  command = plan
  variables {
    workload = { account_id = "a" }
  }
  expect_failures = [var.workload]
}
