output "apply_role_arn" {
  description = "ARN of the role that applies, once it has its rights."
  value       = aws_iam_role.this["apply"].arn
  depends_on  = [aws_iam_role_policy.read, aws_iam_role_policy.write]
}

output "apply_role_name" {
  description = "Name of the role that applies."
  value       = aws_iam_role.this["apply"].name
}

output "environment_subject" {
  description = "Subject of jobs that run in this environment's workflow environment."
  value       = local.environment_subject
}

output "plan_role_arn" {
  description = "ARN of the role that plans, once it has its rights."
  value       = aws_iam_role.this["plan"].arn
  depends_on  = [aws_iam_role_policy.read]
}

output "provider_arn" {
  description = "ARN of GitHub's identity provider in this account."
  value       = aws_iam_openid_connect_provider.github.arn
}
