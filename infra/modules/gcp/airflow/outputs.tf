output "dags" {
  description = "gs:// URL of the folder of DAGs; each team has a prefix below it."
  value       = google_composer_environment.this.config[0].dag_gcs_prefix
  depends_on  = [google_storage_bucket_iam_member.dags]
}

output "member" {
  description = "IAM member of the account that Airflow runs as; it exists before the environment does."
  value       = google_service_account.this.member
}

output "name" {
  description = "Name of the environment."
  value       = google_composer_environment.this.name
}
