output "client" {
  description = "The role that submits pipelines: arn and name, once it has its rights."
  value       = { arn = aws_iam_role.client.arn, name = aws_iam_role.client.name }
  depends_on  = [aws_iam_role_policy.client]
}

output "workload" {
  description = "The role that steps run as: arn and name, once it has its rights."
  value       = { arn = aws_iam_role.workload.arn, name = aws_iam_role.workload.name }
  depends_on  = [aws_iam_role_policy.workload]
}
