output "arn" {
  description = "ARN of the bucket, once it is closed, encrypted and versioned."
  value       = aws_s3_bucket.this.arn
  depends_on = [
    aws_s3_bucket_object_lock_configuration.this,
    aws_s3_bucket_policy.this,
    aws_s3_bucket_public_access_block.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this,
  ]
}

output "name" {
  description = "Name of the bucket, once it is closed, encrypted and versioned."
  value       = aws_s3_bucket.this.id
  depends_on = [
    aws_s3_bucket_object_lock_configuration.this,
    aws_s3_bucket_policy.this,
    aws_s3_bucket_public_access_block.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this,
  ]
}
