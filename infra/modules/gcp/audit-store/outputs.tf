output "name" {
  description = "Name of the bucket, once records can be added and read."
  value       = google_storage_bucket.this.name
  depends_on  = [google_storage_bucket_iam_member.this]
}
