output "balancer" {
  description = "Name of the load balancer: what the served names are to point to."
  value       = aws_lb.this.dns_name
  depends_on  = [aws_lb_listener_rule.this]
}

output "database" {
  description = "Address of the database, host and port, without who uses it."
  value       = aws_db_instance.this.endpoint
}

output "task_role" {
  description = "Name of the role that the server itself has."
  value       = aws_iam_role.this["task"].name
  depends_on  = [aws_iam_role_policy.task]
}
