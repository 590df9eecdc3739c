data "aws_caller_identity" "current" {}

data "aws_iam_policy_document" "flow_log_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["vpc-flow-logs.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

data "aws_iam_policy_document" "flow_log" {
  statement {
    sid       = "WriteFlowLogs"
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = ["${var.flow_log_group_arn}:*"]
  }
}

resource "aws_iam_role" "flow_log" {
  count                = local._build ? 1 : 0
  name                 = "${var.name}-flow-log"
  description          = "Writes flow logs of the network ${var.name}."
  assume_role_policy   = data.aws_iam_policy_document.flow_log_trust.json
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
}

resource "aws_iam_role_policy" "flow_log" {
  count  = local._build ? 1 : 0
  name   = "flow-log"
  role   = aws_iam_role.flow_log[0].name
  policy = data.aws_iam_policy_document.flow_log.json
}

resource "aws_flow_log" "this" {
  count                = local._build ? 1 : 0
  iam_role_arn         = aws_iam_role.flow_log[0].arn
  log_destination      = var.flow_log_group_arn
  log_destination_type = "cloud-watch-logs"
  traffic_type         = "ALL"
  vpc_id               = aws_vpc.this[0].id
  tags                 = merge(var.tags, { Name = var.name })
  depends_on           = [aws_iam_role_policy.flow_log]
}
