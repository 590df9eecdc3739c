# What Terraform calls to refresh the resources of this platform, holding the lock. No object of a team and no secret's value is read.
data "aws_iam_policy_document" "read" {
  statement {
    sid       = "ReadState"
    actions   = ["s3:GetObject", "s3:ListBucket"]
    resources = [local._state_arn, "${local._state_arn}/*"]
  }
  # Whoever plans holds the state's lock meanwhile; it is all that the plan role writes.
  statement {
    sid       = "LockState"
    actions   = ["s3:DeleteObject", "s3:PutObject"]
    resources = ["${local._state_arn}/*.tflock"]
  }
  statement {
    sid       = "UseStateKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["${local._arn.kms}:key/*"]
    condition {
      test     = "StringLike"
      variable = "kms:ViaService"
      values   = ["s3.*.amazonaws.com"]
    }
    condition {
      test     = "StringLike"
      variable = "kms:EncryptionContext:aws:s3:arn"
      values   = ["${local._state_arn}*"]
    }
  }
  statement {
    sid = "ReadBuckets"
    actions = [
      "s3:GetAccelerateConfiguration",
      "s3:GetBucketAcl",
      "s3:GetBucketCORS",
      "s3:GetBucketLocation",
      "s3:GetBucketLogging",
      "s3:GetBucketObjectLockConfiguration",
      "s3:GetBucketOwnershipControls",
      "s3:GetBucketPolicy",
      "s3:GetBucketPublicAccessBlock",
      "s3:GetBucketRequestPayment",
      "s3:GetBucketTagging",
      "s3:GetBucketVersioning",
      "s3:GetBucketWebsite",
      "s3:GetEncryptionConfiguration",
      "s3:GetLifecycleConfiguration",
      "s3:GetReplicationConfiguration",
      "s3:ListBucket",
    ]
    resources = local.scope.buckets
  }
  statement {
    sid = "ReadRoles"
    actions = [
      "iam:GetOpenIDConnectProvider",
      "iam:GetPolicy",
      "iam:GetPolicyVersion",
      "iam:GetRole",
      "iam:GetRolePolicy",
      "iam:ListAttachedRolePolicies",
      "iam:ListPolicyVersions",
      "iam:ListRolePolicies",
    ]
    resources = concat(local.scope.roles, local.scope.ci_roles, local.scope.policies, local.scope.provider)
  }
  statement {
    sid       = "ReadKeys"
    actions   = ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"]
    resources = local.scope.keys
  }
  statement {
    sid       = "ReadRegistries"
    actions   = ["ecr:DescribeRepositories", "ecr:GetLifecyclePolicy", "ecr:ListTagsForResource"]
    resources = local.scope.registry
  }
  statement {
    sid       = "ReadSecretsNotValues"
    actions   = ["secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy", "secretsmanager:ListSecretVersionIds"]
    resources = local.scope.secrets
  }
  statement {
    sid       = "ReadLogGroups"
    actions   = ["logs:DescribeLogGroups", "logs:ListTagsForResource"]
    resources = local.scope.logs
  }
  statement {
    sid       = "ReadTopics"
    actions   = ["sns:GetSubscriptionAttributes", "sns:GetTopicAttributes", "sns:ListTagsForResource"]
    resources = local.scope.topics
  }
  statement {
    sid       = "ReadBudgets"
    actions   = ["budgets:ListTagsForResource", "budgets:ViewBudget"]
    resources = local.scope.budgets
  }
  statement {
    sid       = "ReadAnomalies"
    actions   = ["ce:GetAnomalyMonitors", "ce:GetAnomalySubscriptions", "ce:ListTagsForResource"]
    resources = local.scope.costs
  }
  dynamic "statement" {
    for_each = var.cluster == null ? [] : [local.scope.cluster]
    content {
      sid = "ReadCluster"
      actions = [
        "eks:DescribeAccessEntry",
        "eks:DescribeCluster",
        "eks:DescribePodIdentityAssociation",
        "eks:ListPodIdentityAssociations",
        "eks:ListTagsForResource",
      ]
      resources = statement.value
    }
  }
  statement {
    sid = "ReadWhatNamesNoResource"
    actions = [
      "ec2:DescribeAvailabilityZones",
      "ec2:DescribeFlowLogs",
      "ec2:DescribeNetworkAcls",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribePrefixLists",
      "ec2:DescribeRouteTables",
      "ec2:DescribeSecurityGroupRules",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets",
      "ec2:DescribeVpcAttribute",
      "ec2:DescribeVpcEndpoints",
      "ec2:DescribeVpcs",
      "kms:ListAliases",
    ]
    resources = ["*"]
    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = [local._region]
    }
  }
}
