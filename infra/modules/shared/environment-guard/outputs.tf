output "environment" {
  description = "Environment that the state belongs to."
  value       = terraform_data.guard.output.environment
}
