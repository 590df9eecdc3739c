data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  _partition = data.aws_partition.current.partition
  _account   = data.aws_caller_identity.current.account_id
  _region    = data.aws_region.current.name
  _here      = "${local._region}:${local._account}"
  _buckets   = "arn:${local._partition}:s3:::${var.prefix}-*-${var.environment}-*"
}

# The most that any role made for this environment can do, whatever its own policies say. No identity, no key policy, no
# bucket's settings and no other environment are within it, but for reading the audit logs of those that let it.
data "aws_iam_policy_document" "this" {
  statement {
    sid = "Objects"
    actions = [
      "s3:AbortMultipartUpload",
      "s3:DeleteObject",
      "s3:GetBucketLocation",
      "s3:GetBucketObjectLockConfiguration",
      "s3:GetObject",
      "s3:GetObjectRetention",
      "s3:GetObjectVersion",
      "s3:ListBucket",
      "s3:ListMultipartUploadParts",
      "s3:PutObject",
      "s3:PutObjectRetention",
    ]
    resources = [local._buckets]
  }
  statement {
    sid       = "Keys"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey", "kms:GetPublicKey", "kms:Sign"]
    resources = ["arn:${local._partition}:kms:${local._here}:key/*"]
  }
  dynamic "statement" {
    for_each = length(var.audit_logs) > 0 ? [values(var.audit_logs)] : []
    content {
      sid = "OtherLogs"
      actions = [
        "s3:GetBucketLocation", "s3:GetBucketObjectLockConfiguration", "s3:GetObject", "s3:GetObjectRetention",
        "s3:GetObjectVersion", "s3:ListBucket",
      ]
      resources = flatten([for log in statement.value : ["arn:${local._partition}:s3:::${log.bucket}", "arn:${local._partition}:s3:::${log.bucket}/*"]])
    }
  }
  dynamic "statement" {
    for_each = length(var.audit_logs) > 0 ? [values(var.audit_logs)] : []
    content {
      sid       = "OtherLogsKeys"
      actions   = ["kms:Decrypt", "kms:GetPublicKey"]
      resources = distinct([for log in statement.value : "arn:${local._partition}:kms:*:${log.account_id}:key/*"])
    }
  }
  statement {
    sid       = "Images"
    actions   = ["ecr:*"]
    resources = ["arn:${local._partition}:ecr:${local._here}:repository/*"]
  }
  statement {
    sid       = "Secrets"
    actions   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
    resources = ["arn:${local._partition}:secretsmanager:${local._here}:secret:*-${var.environment}-*"]
  }
  statement {
    sid = "Logs"
    actions = [
      "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:GetLogEvents", "logs:PutLogEvents",
    ]
    resources = ["arn:${local._partition}:logs:${local._here}:log-group:*"]
  }
  statement {
    sid     = "Jobs"
    actions = ["sagemaker:*", "scheduler:*"]
    resources = [
      "arn:${local._partition}:sagemaker:${local._here}:*",
      "arn:${local._partition}:scheduler:${local._here}:schedule/*",
    ]
  }
  statement {
    sid       = "Clusters"
    actions   = ["eks:DescribeCluster"]
    resources = ["arn:${local._partition}:eks:${local._here}:cluster/*"]
  }
  statement {
    sid       = "WorkloadRoles"
    actions   = ["iam:PassRole", "sts:AssumeRole"]
    resources = ["arn:${local._partition}:iam::${local._account}:role/*-${var.environment}-wl"]
  }
  statement {
    sid = "Interfaces"
    actions = [
      "ec2:CreateNetworkInterface",
      "ec2:CreateNetworkInterfacePermission",
      "ec2:DeleteNetworkInterface",
      "ec2:DeleteNetworkInterfacePermission",
    ]
    resources = ["arn:${local._partition}:ec2:${local._here}:*"]
  }
  statement {
    sid = "WhatNamesNoResource"
    actions = [
      "cloudwatch:PutMetricData",
      "ec2:DescribeDhcpOptions",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets",
      "ec2:DescribeVpcs",
      "ecr:GetAuthorizationToken",
    ]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "this" {
  name        = "${var.environment}-boundary"
  description = "The most that roles of ${var.environment} can do."
  policy      = data.aws_iam_policy_document.this.json
  tags        = var.tags
}
