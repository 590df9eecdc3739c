output "pool" {
  description = "Resource name of the pool: projects/<number>/locations/global/workloadIdentityPools/<id>."
  value       = google_iam_workload_identity_pool.github.name
}

output "provider" {
  description = "Resource name of the provider; with //iam.googleapis.com/ before it, the audience of external credentials."
  value       = google_iam_workload_identity_pool_provider.github.name
}

output "service_accounts" {
  description = "E-mail of the plan and the apply identity, once workflows may act as them."
  value       = { for key, account in google_service_account.this : key => account.email }
  depends_on  = [google_service_account_iam_member.federated, google_project_iam_member.this]
}
