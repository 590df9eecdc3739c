output "name" {
  description = "Name of the budget, or null when there is none."
  value       = one([for budget in aws_budgets_budget.this : budget.name])
}

output "topic_arn" {
  description = "ARN of the topic that receives alerts, or null when there is no budget."
  value       = one([for topic in aws_sns_topic.this : topic.arn])
  depends_on  = [aws_sns_topic_policy.this]
}
