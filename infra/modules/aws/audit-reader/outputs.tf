output "policy" {
  description = "What the roles may do, as JSON."
  value       = data.aws_iam_policy_document.this.json
}
