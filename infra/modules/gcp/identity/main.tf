resource "google_service_account" "client" {
  account_id   = var.client.account_id
  description  = "Starts pipelines of ${var.name} and reads what they made."
  display_name = var.client.account_id
  project      = var.project_id
}

resource "google_service_account" "workload" {
  account_id   = var.workload.account_id
  description  = "What the pipelines of ${var.name} run as."
  display_name = var.workload.account_id
  project      = var.project_id
}

resource "google_project_iam_member" "client" {
  for_each = var.client.roles
  member   = google_service_account.client.member
  project  = var.project_id
  role     = each.value
}

resource "google_project_iam_member" "workload" {
  for_each = var.workload.roles
  member   = google_service_account.workload.member
  project  = var.project_id
  role     = each.value
}

# Starting a job that runs as an account is acting as it: the client may do so for its own team's workload only.
resource "google_service_account_iam_member" "client_acts_as_workload" {
  count              = var.client.acts_as_workload ? 1 : 0
  member             = google_service_account.client.member
  role               = "roles/iam.serviceAccountUser"
  service_account_id = google_service_account.workload.name
}

resource "google_service_account_iam_member" "impersonator" {
  for_each           = var.client.impersonators
  member             = each.value
  role               = "roles/iam.serviceAccountTokenCreator"
  service_account_id = google_service_account.client.name
}

resource "google_service_account_iam_member" "federated" {
  for_each           = var.client.federated
  member             = each.value
  role               = "roles/iam.workloadIdentityUser"
  service_account_id = google_service_account.client.name
}

resource "google_service_account_iam_member" "kubernetes" {
  for_each           = var.workload.kubernetes
  member             = each.value
  role               = "roles/iam.workloadIdentityUser"
  service_account_id = google_service_account.workload.name
}
