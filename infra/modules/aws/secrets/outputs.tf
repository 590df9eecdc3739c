output "references" {
  description = "ARN of each secret by name, once its readers may use it. Never a value."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.arn }
  depends_on  = [aws_iam_role_policy.reader, aws_secretsmanager_secret_version.this]
}
