locals {
  # CloudWatch keeps logs for one of these numbers of days; the next longer one is taken.
  _allowed = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
  ]
  retention_days = min([for days in local._allowed : days if days >= var.retention_days]...)
}

resource "aws_cloudwatch_log_group" "this" {
  for_each          = var.names
  name              = each.value
  kms_key_id        = var.kms_key_arn
  retention_in_days = local.retention_days
  tags              = var.tags
}

data "aws_iam_policy_document" "writer" {
  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = [for group in aws_cloudwatch_log_group.this : "${group.arn}:*"]
  }
}

resource "aws_iam_role_policy" "writer" {
  for_each = var.writers
  name     = "logs"
  role     = each.value
  policy   = data.aws_iam_policy_document.writer.json
}
