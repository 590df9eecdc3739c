output "arn" {
  description = "ARN of the key, once its alias exists."
  value       = aws_kms_key.this.arn
  depends_on  = [aws_kms_alias.this]
}
