# What Terraform calls to change the resources of this platform, and nothing of the roles it runs as.
data "aws_iam_policy_document" "write" {
  statement {
    sid       = "WriteState"
    actions   = ["s3:DeleteObject", "s3:PutObject"]
    resources = ["${local._state_arn}/*"]
  }
  statement {
    sid = "WriteBuckets"
    actions = [
      "s3:CreateBucket",
      "s3:DeleteBucket",
      "s3:DeleteBucketPolicy",
      "s3:PutBucketLogging",
      "s3:PutBucketObjectLockConfiguration",
      "s3:PutBucketOwnershipControls",
      "s3:PutBucketPolicy",
      "s3:PutBucketPublicAccessBlock",
      "s3:PutBucketTagging",
      "s3:PutBucketVersioning",
      "s3:PutEncryptionConfiguration",
      "s3:PutLifecycleConfiguration",
    ]
    resources = local.scope.buckets
  }
  # Every role made here is bound by the environment's boundary, so a change to this code cannot raise its own rights.
  statement {
    sid       = "CreateBoundRoles"
    actions   = ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
    resources = local.scope.roles
    condition {
      test     = "StringEquals"
      variable = "iam:PermissionsBoundary"
      values   = [var.permissions_boundary]
    }
  }
  statement {
    sid = "WriteRoles"
    actions = [
      "iam:DeleteRole",
      "iam:DeleteRolePolicy",
      "iam:ListInstanceProfilesForRole",
      "iam:TagRole",
      "iam:UntagRole",
      "iam:UpdateAssumeRolePolicy",
      "iam:UpdateRole",
      "iam:UpdateRoleDescription",
    ]
    resources = local.scope.roles
  }
  statement {
    sid       = "PassFlowLogRole"
    actions   = ["iam:PassRole"]
    resources = ["${local._arn.iam}:role/${var.environment}-flow-log"]
    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["vpc-flow-logs.amazonaws.com"]
    }
  }
  statement {
    sid = "WriteKeys"
    actions = [
      "kms:CreateAlias",
      "kms:DeleteAlias",
      "kms:EnableKeyRotation",
      "kms:PutKeyPolicy",
      "kms:ScheduleKeyDeletion",
      "kms:TagResource",
      "kms:UntagResource",
      "kms:UpdateAlias",
      "kms:UpdateKeyDescription",
    ]
    resources = local.scope.keys
  }
  statement {
    sid = "UseKeysForServices"
    actions = [
      "kms:CreateGrant",
      "kms:Decrypt",
      "kms:GenerateDataKey",
    ]
    resources = ["${local._arn.kms}:key/*"]
    condition {
      test     = "StringLike"
      variable = "kms:ViaService"
      values   = ["ecr.*.amazonaws.com", "secretsmanager.*.amazonaws.com"]
    }
  }
  statement {
    sid = "WriteRegistries"
    actions = [
      "ecr:CreateRepository",
      "ecr:DeleteLifecyclePolicy",
      "ecr:DeleteRepository",
      "ecr:PutImageScanningConfiguration",
      "ecr:PutImageTagMutability",
      "ecr:PutLifecyclePolicy",
      "ecr:TagResource",
      "ecr:UntagResource",
    ]
    resources = local.scope.registry
  }
  statement {
    sid = "WriteSecrets"
    actions = [
      "secretsmanager:CreateSecret",
      "secretsmanager:DeleteSecret",
      "secretsmanager:GetSecretValue", # the provider reads a value's version back
      "secretsmanager:PutSecretValue",
      "secretsmanager:TagResource",
      "secretsmanager:UntagResource",
      "secretsmanager:UpdateSecret",
    ]
    resources = local.scope.secrets
  }
  statement {
    sid = "WriteLogGroups"
    actions = [
      "logs:AssociateKmsKey",
      "logs:CreateLogGroup",
      "logs:DeleteLogGroup",
      "logs:PutRetentionPolicy",
      "logs:TagResource",
      "logs:UntagResource",
    ]
    resources = local.scope.logs
  }
  statement {
    sid = "WriteTopics"
    actions = [
      "sns:CreateTopic",
      "sns:DeleteTopic",
      "sns:SetTopicAttributes",
      "sns:Subscribe",
      "sns:TagResource",
      "sns:Unsubscribe",
      "sns:UntagResource",
    ]
    resources = local.scope.topics
  }
  statement {
    sid       = "WriteBudgets"
    actions   = ["budgets:ModifyBudget", "budgets:TagResource", "budgets:UntagResource"]
    resources = local.scope.budgets
  }
  statement {
    sid = "WriteAnomalies"
    actions = [
      "ce:DeleteAnomalyMonitor",
      "ce:DeleteAnomalySubscription",
      "ce:TagResource",
      "ce:UntagResource",
      "ce:UpdateAnomalyMonitor",
      "ce:UpdateAnomalySubscription",
    ]
    resources = local.scope.costs
  }
  statement {
    sid = "WriteNetwork"
    actions = [
      "ec2:AssociateRouteTable",
      "ec2:AuthorizeSecurityGroupEgress",
      "ec2:AuthorizeSecurityGroupIngress",
      "ec2:CreateFlowLogs",
      "ec2:CreateRouteTable",
      "ec2:CreateSecurityGroup",
      "ec2:CreateSubnet",
      "ec2:CreateTags",
      "ec2:CreateVpc",
      "ec2:CreateVpcEndpoint",
      "ec2:DeleteFlowLogs",
      "ec2:DeleteRouteTable",
      "ec2:DeleteSecurityGroup",
      "ec2:DeleteSubnet",
      "ec2:DeleteTags",
      "ec2:DeleteVpc",
      "ec2:DeleteVpcEndpoints",
      "ec2:DisassociateRouteTable",
      "ec2:ModifySubnetAttribute",
      "ec2:ModifyVpcAttribute",
      "ec2:ModifyVpcEndpoint",
      "ec2:RevokeSecurityGroupEgress",
      "ec2:RevokeSecurityGroupIngress",
    ]
    resources = ["${local._arn.ec2}:*"]
  }
  # Entries make roles members of groups, and pods roles; what a group may do, RoleBindings of the cluster say.
  dynamic "statement" {
    for_each = var.cluster == null ? [] : [local.scope.cluster]
    content {
      sid = "WriteClusterEntries"
      actions = [
        "eks:CreateAccessEntry",
        "eks:CreatePodIdentityAssociation",
        "eks:DeleteAccessEntry",
        "eks:DeletePodIdentityAssociation",
        "eks:TagResource",
        "eks:UntagResource",
        "eks:UpdateAccessEntry",
        "eks:UpdatePodIdentityAssociation",
      ]
      resources = statement.value
    }
  }
  dynamic "statement" {
    for_each = var.cluster == null ? [] : [true]
    content {
      sid       = "PassRolesToPods"
      actions   = ["iam:PassRole"]
      resources = ["${local._arn.iam}:role/*-${var.environment}-wl"]
      condition {
        test     = "StringEquals"
        variable = "iam:PassedToService"
        values   = ["pods.eks.amazonaws.com"]
      }
    }
  }
  statement {
    sid       = "CreateWhatNamesNoResource"
    actions   = ["ce:CreateAnomalyMonitor", "ce:CreateAnomalySubscription", "kms:CreateKey"]
    resources = ["*"]
  }
  statement {
    sid    = "DenyOwnRights"
    effect = "Deny"
    actions = [
      "iam:AttachRolePolicy",
      "iam:CreatePolicyVersion",
      "iam:DeleteRolePermissionsBoundary",
      "iam:DeleteRolePolicy",
      "iam:PutRolePolicy",
      "iam:UpdateAssumeRolePolicy",
    ]
    resources = concat(local.scope.ci_roles, local.scope.policies)
  }
}
