mock_provider "google" {
  override_during = plan
  mock_resource "google_iam_workload_identity_pool" {
    defaults = { name = "projects/1/locations/global/workloadIdentityPools/acme-ml-dev" }
  }
  mock_resource "google_service_account" {
    defaults = {
      member = "serviceAccount:ci@acme-ml-dev.iam.gserviceaccount.com"
      name   = "projects/acme-ml-dev/serviceAccounts/ci@acme-ml-dev.iam.gserviceaccount.com"
    }
  }
}

variables {
  environment = "dev"
  identities = {
    plan  = { account_id = "dev-plan", description = "Looks.", roles = ["roles/browser"] }
    apply = { account_id = "dev-apply", description = "Changes.", roles = ["roles/storage.admin"] }
  }
  owner_id      = 101
  pool_id       = "acme-ml-dev"
  project_id    = "acme-ml-dev"
  repository_id = 202
}

run "apply_is_for_the_environments_own_jobs" {
  command = plan
  assert {
    condition     = endswith(google_service_account_iam_member.federated["apply"].member, "/attribute.environment/dev")
    error_message = "Only jobs of the environment may apply."
  }
  assert {
    condition     = endswith(google_service_account_iam_member.federated["plan"].member, "/attribute.repository_id/202")
    error_message = "Any ref of the repository may plan, and no other repository."
  }
}

run "nothing_to_grant_no_granter" {
  command = plan
  assert {
    condition     = length(google_project_iam_member.granter) == 0 && length(google_storage_bucket_iam_member.state) == 0
    error_message = "Without grantable roles nobody may grant; without a state bucket nothing is granted on it."
  }
}

run "pool_ids_are_checked" {
  command = plan
  variables {
    pool_id = "gcp-pool"
  }
  expect_failures = [var.pool_id]
}

run "any_ref_views_no_whole_project" {
  command = plan
  variables {
    identities = {
      plan  = { account_id = "dev-plan", description = "Looks.", roles = ["roles/viewer"] }
      apply = { account_id = "dev-apply", description = "Changes.", roles = ["roles/storage.admin"] }
    }
  }
  expect_failures = [var.identities]
}
