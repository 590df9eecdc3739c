output "arns" {
  description = "ARN of each log group, by the keys of names."
  value       = { for key, group in aws_cloudwatch_log_group.this : key => group.arn }
  depends_on  = [aws_iam_role_policy.writer]
}

output "names" {
  description = "Name of each log group, by the keys of names."
  value       = { for key, group in aws_cloudwatch_log_group.this : key => group.name }
  depends_on  = [aws_iam_role_policy.writer]
}

output "retention_days" {
  description = "Days for which logs are kept."
  value       = local.retention_days
}
