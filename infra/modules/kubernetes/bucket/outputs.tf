output "name" {
  description = "Name of the bucket, once it is versioned and, where asked for, locked."
  value       = aws_s3_bucket.this.id
  depends_on = [
    aws_s3_bucket_object_lock_configuration.this,
    aws_s3_bucket_policy.this,
    aws_s3_bucket_versioning.this,
  ]
}
