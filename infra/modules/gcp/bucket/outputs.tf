output "name" {
  description = "Name of the bucket, once its readers and writers may use it."
  value       = google_storage_bucket.this.name
  depends_on  = [google_storage_bucket_iam_member.this]
}

output "url" {
  description = "gs:// URL of the bucket, once its readers and writers may use it."
  value       = google_storage_bucket.this.url
  depends_on  = [google_storage_bucket_iam_member.this]
}
