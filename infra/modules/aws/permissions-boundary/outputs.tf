output "arn" {
  description = "ARN of the policy, for permissions_boundary of each role."
  value       = aws_iam_policy.this.arn
}
