output "client" {
  description = "E-mail and IAM member of the client, once it may start pipelines."
  value       = { email = google_service_account.client.email, member = google_service_account.client.member }
  depends_on = [
    google_project_iam_member.client,
    google_service_account_iam_member.client_acts_as_workload,
    google_service_account_iam_member.federated,
    google_service_account_iam_member.impersonator,
  ]
}

output "workload" {
  description = "E-mail and IAM member of the workload, once it may run pipelines."
  value       = { email = google_service_account.workload.email, member = google_service_account.workload.member }
  depends_on  = [google_project_iam_member.workload, google_service_account_iam_member.kubernetes]
}
