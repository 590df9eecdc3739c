output "log_bucket" {
  description = "Resource name of the log bucket."
  value       = google_logging_project_bucket_config.this.id
}

output "topic" {
  description = "Pub/Sub topic for budget updates."
  value       = google_pubsub_topic.budget.id
}
