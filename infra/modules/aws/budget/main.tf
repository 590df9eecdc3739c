data "aws_caller_identity" "current" {}

locals {
  _enabled = var.amount == null ? {} : { this = true }
  _anomaly = var.anomaly_impact == null || var.amount == null ? {} : { this = true }
}

resource "aws_sns_topic" "this" {
  for_each          = local._enabled
  name              = "${var.name}-budget"
  kms_master_key_id = var.kms_key_arn
  tags              = var.tags
}

data "aws_iam_policy_document" "publish" {
  for_each = local._enabled
  statement {
    sid       = "CostServicesPublish"
    actions   = ["SNS:Publish"]
    resources = [aws_sns_topic.this[each.key].arn]
    principals {
      type        = "Service"
      identifiers = ["budgets.amazonaws.com", "costalerts.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

resource "aws_sns_topic_policy" "this" {
  for_each = local._enabled
  arn      = aws_sns_topic.this[each.key].arn
  policy   = data.aws_iam_policy_document.publish[each.key].json
}

resource "aws_sns_topic_subscription" "email" {
  for_each  = var.amount == null ? toset([]) : var.emails
  topic_arn = aws_sns_topic.this["this"].arn
  protocol  = "email"
  endpoint  = each.value
}

resource "aws_budgets_budget" "this" {
  for_each     = local._enabled
  name         = var.name
  budget_type  = "COST"
  limit_amount = format("%.1f", var.amount) # as AWS spells it back
  limit_unit   = "USD"
  time_unit    = "MONTHLY"
  tags         = var.tags
  depends_on   = [aws_sns_topic_policy.this]

  cost_filter {
    name   = "TagKeyValue"
    values = [for key, value in var.filter_tags : format("user:%s$%s", key, value)]
  }

  dynamic "notification" {
    for_each = var.alert_at
    content {
      comparison_operator       = "GREATER_THAN"
      notification_type         = "ACTUAL"
      subscriber_sns_topic_arns = [aws_sns_topic.this[each.key].arn]
      threshold                 = notification.value * 100
      threshold_type            = "PERCENTAGE"
    }
  }

  # The forecast warns while there is still time to act.
  notification {
    comparison_operator       = "GREATER_THAN"
    notification_type         = "FORECASTED"
    subscriber_sns_topic_arns = [aws_sns_topic.this[each.key].arn]
    threshold                 = 100
    threshold_type            = "PERCENTAGE"
  }
}

resource "aws_ce_anomaly_monitor" "this" {
  for_each     = local._anomaly
  name         = var.name
  monitor_type = "CUSTOM"
  monitor_specification = jsonencode({
    And            = null
    CostCategories = null
    Dimensions     = null
    Not            = null
    Or             = null
    Tags           = { Key = keys(var.filter_tags)[0], MatchOptions = null, Values = [values(var.filter_tags)[0]] }
  })
  tags = var.tags
}

resource "aws_ce_anomaly_subscription" "this" {
  for_each         = local._anomaly
  name             = var.name
  frequency        = "IMMEDIATE"
  monitor_arn_list = [aws_ce_anomaly_monitor.this[each.key].arn]
  tags             = var.tags
  depends_on       = [aws_sns_topic_policy.this]

  subscriber {
    type    = "SNS"
    address = aws_sns_topic.this[each.key].arn
  }

  threshold_expression {
    dimension {
      key           = "ANOMALY_TOTAL_IMPACT_ABSOLUTE"
      match_options = ["GREATER_THAN_OR_EQUAL"]
      values        = [tostring(var.anomaly_impact)]
    }
  }
}
