output "arn" {
  description = "ARN of the repository, once its readers and writers may use it."
  value       = aws_ecr_repository.this.arn
  depends_on  = [aws_iam_role_policy.reader, aws_iam_role_policy.writer]
}

output "name" {
  description = "Name of the repository."
  value       = aws_ecr_repository.this.name
}

output "registry" {
  description = "Host of the registry, without the repository."
  value       = split("/", aws_ecr_repository.this.repository_url)[0]
  depends_on  = [aws_iam_role_policy.reader, aws_iam_role_policy.writer]
}
