# Three roles: "start" pulls the image, reads secrets and opens the log; "task" is what the server itself may do; "monitor"
# writes the database's measurements.

locals {
  _secrets = distinct(flatten([for service in var.services : values(service.secrets)]))
  _roles = {
    monitor = { service = "monitoring.rds.amazonaws.com", description = "Writes measurements of the database of ${var.name}." }
    start   = { service = "ecs-tasks.amazonaws.com", description = "Starts containers of ${var.name}: image, secrets, log." }
    task    = { service = "ecs-tasks.amazonaws.com", description = "What containers of ${var.name} may do themselves." }
  }
}

data "aws_iam_policy_document" "trust" {
  for_each = local._roles
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = [each.value.service]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local._account]
    }
  }
}

resource "aws_iam_role" "this" {
  for_each             = local._roles
  name                 = "${var.name}-${each.key}"
  description          = each.value.description
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
}

data "aws_iam_policy_document" "start" {
  statement {
    sid       = "LogInToRegistry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # it names no resource
  }
  statement {
    sid       = "PullImage"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = ["arn:${data.aws_partition.current.partition}:ecr:${local._region}:${local._account}:repository/${var.image_repository}"]
  }
  statement {
    sid       = "ReadSecrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = local._secrets
  }
  statement {
    sid       = "Decrypt"
    actions   = ["kms:Decrypt"]
    resources = [var.kms_key_arn]
    condition {
      test     = "StringLike"
      variable = "kms:ViaService"
      values   = ["secretsmanager.*.amazonaws.com"]
    }
  }
  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:${data.aws_partition.current.partition}:logs:${local._region}:${local._account}:log-group:${var.log_group}:*"]
  }
}

resource "aws_iam_role_policy" "start" {
  name   = "start"
  role   = aws_iam_role.this["start"].name
  policy = data.aws_iam_policy_document.start.json
}

# The guard reads what was applied in the environments' logs, and writes what it refused.
data "aws_iam_policy_document" "task" {
  statement {
    sid       = "FindEvents"
    actions   = ["s3:GetBucketLocation", "s3:GetBucketObjectLockConfiguration", "s3:ListBucket"]
    resources = [for bucket in values(var.audit_logs.buckets) : "arn:${data.aws_partition.current.partition}:s3:::${bucket}"]
  }
  statement {
    sid       = "ReadEvents"
    actions   = ["s3:GetObject", "s3:GetObjectRetention", "s3:GetObjectVersion"]
    resources = [for bucket in values(var.audit_logs.buckets) : "arn:${data.aws_partition.current.partition}:s3:::${bucket}/*"]
  }
  statement {
    sid       = "AppendEvents"
    actions   = ["s3:PutObject", "s3:PutObjectRetention"]
    resources = ["arn:${data.aws_partition.current.partition}:s3:::${var.audit_logs.own}/*"]
  }
  statement {
    sid       = "UseKeys"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["arn:${data.aws_partition.current.partition}:kms:*:*:key/*"]
    condition {
      test     = "StringLike"
      variable = "kms:ViaService"
      values   = ["s3.*.amazonaws.com"]
    }
    condition {
      test     = "StringLike"
      variable = "kms:EncryptionContext:aws:s3:arn"
      values   = [for bucket in concat(values(var.audit_logs.buckets), [var.files_bucket]) : "arn:${data.aws_partition.current.partition}:s3:::${bucket}*"]
    }
  }
  dynamic "statement" {
    for_each = var.audit_logs.signing_key == null ? [] : [var.audit_logs.signing_key]
    content {
      sid       = "SignCheckpoints"
      actions   = ["kms:GetPublicKey", "kms:Sign"]
      resources = [statement.value.arn]
      dynamic "condition" {
        for_each = statement.value.alias == null ? [] : [statement.value.alias]
        content {
          test     = "ForAnyValue:StringEquals"
          variable = "kms:ResourceAliases"
          values   = [condition.value]
        }
      }
    }
  }
  statement {
    sid       = "FindTrackersFiles"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = ["arn:${data.aws_partition.current.partition}:s3:::${var.files_bucket}"]
  }
  statement {
    sid       = "TrackersFiles"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["arn:${data.aws_partition.current.partition}:s3:::${var.files_bucket}/*"]
  }
}

resource "aws_iam_role_policy" "task" {
  name   = "task"
  role   = aws_iam_role.this["task"].name
  policy = data.aws_iam_policy_document.task.json
}

data "aws_iam_policy_document" "monitor" {
  statement {
    sid       = "WriteMeasurements"
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:GetLogEvents", "logs:PutLogEvents"]
    resources = ["arn:${data.aws_partition.current.partition}:logs:${local._region}:${local._account}:log-group:RDSOSMetrics:*"]
  }
}

resource "aws_iam_role_policy" "monitor" {
  name   = "monitor"
  role   = aws_iam_role.this["monitor"].name
  policy = data.aws_iam_policy_document.monitor.json
}
