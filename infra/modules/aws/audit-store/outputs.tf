output "arn" {
  description = "ARN of the bucket, once its readers and appenders may use it."
  value       = module.bucket.arn
  depends_on  = [aws_iam_role_policy.reader, aws_iam_role_policy.appender]
}

output "name" {
  description = "Name of the bucket, once its readers and appenders may use it."
  value       = module.bucket.name
  depends_on  = [aws_iam_role_policy.reader, aws_iam_role_policy.appender]
}
