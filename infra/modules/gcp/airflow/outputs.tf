output "dags" {
  description = "gs:// URL of the folder of DAGs; each team has a prefix below it."
  value       = google_composer_environment.this.config[0].dag_gcs_prefix
  depends_on  = [google_storage_bucket_iam_member.dags]
}

output "name" {
  description = "Name of the environment."
  value       = google_composer_environment.this.name
}
