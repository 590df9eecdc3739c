data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  _partition = data.aws_partition.current.partition
  _account   = data.aws_caller_identity.current.account_id
  _region    = data.aws_region.current.name
  _sagemaker = var.orchestrator == "sagemaker" || var.step_operator == "sagemaker"

  # Services that act as the workload role, and so the only ones the role may be passed to.
  _services = {
    airflow    = ["airflow-env.amazonaws.com", "airflow.amazonaws.com"]
    kubernetes = ["pods.eks.amazonaws.com"]
    local      = []
    sagemaker  = ["sagemaker.amazonaws.com", "scheduler.amazonaws.com"]
  }
  services = distinct(concat(
    local._services[var.orchestrator],
    var.step_operator == "sagemaker" ? ["sagemaker.amazonaws.com"] : [],
  ))
  # Pods get their role through EKS Pod Identity: the cluster passes it, not the client.
  passed_to = setsubtract(local.services, local._services.kubernetes)

  _client_principals = length(var.client_principals) > 0 ? var.client_principals : [
    "arn:${local._partition}:iam::${local._account}:root"
  ]
  # Spelt out, so that a plan shows who may do what before either role exists.
  _client_arn  = "arn:${local._partition}:iam::${local._account}:role/${var.client_name}"
  workload_arn = "arn:${local._partition}:iam::${local._account}:role/${var.workload_name}"
}

data "aws_iam_policy_document" "client_trust" {
  statement {
    sid     = "People"
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "AWS"
      identifiers = local._client_principals
    }
  }

  dynamic "statement" {
    for_each = var.github == null ? [] : [var.github]
    content {
      sid     = "Workflows"
      actions = ["sts:AssumeRoleWithWebIdentity"]
      principals {
        type        = "Federated"
        identifiers = [statement.value.provider_arn]
      }
      condition {
        test     = "StringEquals"
        variable = "token.actions.githubusercontent.com:aud"
        values   = ["sts.amazonaws.com"]
      }
      condition {
        test     = "StringEquals"
        variable = "token.actions.githubusercontent.com:sub"
        values   = [statement.value.subject]
      }
    }
  }
}

data "aws_iam_policy_document" "workload_trust" {
  # Steps of a local orchestrator run as the client; the workload role is then for whoever must try it.
  dynamic "statement" {
    for_each = length(local.services) == 0 ? [true] : []
    content {
      sid     = "Client"
      actions = ["sts:AssumeRole"]
      principals {
        type        = "AWS"
        identifiers = [local._client_arn]
      }
    }
  }

  dynamic "statement" {
    for_each = length(local.services) == 0 ? [] : [true]
    content {
      sid     = "Services"
      actions = var.orchestrator == "kubernetes" ? ["sts:AssumeRole", "sts:TagSession"] : ["sts:AssumeRole"]
      principals {
        type        = "Service"
        identifiers = local.services
      }
      # Guards against a service acting for somebody else's account (the confused deputy).
      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [local._account]
      }
    }
  }
}

resource "aws_iam_role" "client" {
  name                 = var.client_name
  description          = "Submits pipelines of ${var.team} and reads what they made."
  assume_role_policy   = data.aws_iam_policy_document.client_trust.json
  max_session_duration = 12 * 3600
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
}

resource "aws_iam_role" "workload" {
  name                 = var.workload_name
  description          = "Runs the steps of ${var.team}."
  assume_role_policy   = data.aws_iam_policy_document.workload_trust.json
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
  depends_on           = [aws_iam_role.client] # a trust may name only a role that exists
}

resource "aws_iam_role_policy" "client" {
  count  = length(local._client_statements) > 0 ? 1 : 0
  name   = "orchestrator"
  role   = aws_iam_role.client.name
  policy = jsonencode({ Version = "2012-10-17", Statement = local._client_statements })
}

resource "aws_iam_role_policy" "workload" {
  count  = length(local._workload_statements) > 0 ? 1 : 0
  name   = "orchestrator"
  role   = aws_iam_role.workload.name
  policy = jsonencode({ Version = "2012-10-17", Statement = local._workload_statements })
}
