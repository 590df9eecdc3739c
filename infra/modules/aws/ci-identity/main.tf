data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  _partition = data.aws_partition.current.partition
  _account   = data.aws_caller_identity.current.account_id
  _region    = data.aws_region.current.name
  _issuer    = "token.actions.githubusercontent.com"

  # With ids the subject survives a rename and cannot be taken over by whoever re-registers the name.
  _repository = (
    var.repository.repository_id == null
    ? "repo:${var.repository.owner}/${var.repository.name}"
    : "repo:${var.repository.owner}@${var.repository.owner_id}/${var.repository.name}@${var.repository.repository_id}"
  )
  environment_subject = "${local._repository}:environment:${var.environment}"

  roles = {
    apply = { test = "StringEquals", subject = local.environment_subject, description = "Applies ${var.environment} from the workflow environment ${var.environment}." }
    plan  = { test = "StringLike", subject = "${local._repository}:*", description = "Plans ${var.environment} from any ref; reads only." }
  }
}

# GitHub's keys are verified through the certificate authorities AWS trusts, so no thumbprint is pinned.
resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://${local._issuer}"
  client_id_list = ["sts.amazonaws.com"]
  tags           = var.tags
}

data "aws_iam_policy_document" "trust" {
  for_each = local.roles
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.github.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "${local._issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }
    condition {
      test     = each.value.test
      variable = "${local._issuer}:sub"
      values   = [each.value.subject]
    }
  }
}

resource "aws_iam_role" "this" {
  for_each             = local.roles
  name                 = var.role_names[each.key]
  description          = each.value.description
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  max_session_duration = 3600
  tags                 = var.tags
}

resource "aws_iam_role_policy" "read" {
  for_each = local.roles
  name     = "read"
  role     = aws_iam_role.this[each.key].name
  policy   = data.aws_iam_policy_document.read.json
}

resource "aws_iam_role_policy" "write" {
  name   = "write"
  role   = aws_iam_role.this["apply"].name
  policy = data.aws_iam_policy_document.write.json
}
