data "aws_partition" "current" {}

locals {
  _bucket_arn = "arn:${data.aws_partition.current.partition}:s3:::${var.name}"
}

# Terms of the log that no identity policy can override.
data "aws_iam_policy_document" "write_once" {
  statement {
    sid       = "DenyShorterRetention"
    effect    = "Deny"
    actions   = ["s3:PutObject", "s3:PutObjectRetention"]
    resources = ["${local._bucket_arn}/*"]
    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
    condition {
      test     = "NumericLessThan"
      variable = "s3:object-lock-remaining-retention-days"
      values   = [var.minimum_days - 1] # the date was reckoned a moment before S3 reckons what remains
    }
  }
  statement {
    sid       = "DenyOtherMode"
    effect    = "Deny"
    actions   = ["s3:PutObject", "s3:PutObjectRetention"]
    resources = ["${local._bucket_arn}/*"]
    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
    condition {
      test     = "StringEquals"
      variable = "s3:object-lock-mode"
      values   = ["GOVERNANCE"]
    }
  }
  statement {
    sid       = "DenyBypassAndDelete"
    effect    = "Deny"
    actions   = ["s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:DeleteObjectVersion"]
    resources = ["${local._bucket_arn}/*"]
    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
  }
  # An event is created once: a write must carry If-None-Match.
  statement {
    sid       = "DenyOverwrite"
    effect    = "Deny"
    actions   = ["s3:PutObject"]
    resources = ["${local._bucket_arn}/*"]
    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
    condition {
      test     = "Null"
      variable = "s3:if-none-match"
      values   = ["true"]
    }
    condition {
      test     = "Bool"
      variable = "s3:ObjectCreationOperation" # false for the parts of a multipart upload
      values   = ["true"]
    }
  }
}

module "bucket" {
  source           = "../bucket"
  name             = var.name
  access_log       = var.access_log
  encryption_key   = { arn = var.kms_key_arn }
  lifecycle_days   = {}
  object_lock_days = var.retention_days
  policy_documents = [data.aws_iam_policy_document.write_once.json]
  tags             = var.tags
}

data "aws_iam_policy_document" "reader" {
  statement {
    sid       = "FindEvents"
    actions   = ["s3:GetBucketLocation", "s3:GetBucketObjectLockConfiguration", "s3:ListBucket"]
    resources = [module.bucket.arn]
  }
  statement {
    sid       = "ReadEvents"
    actions   = ["s3:GetObject", "s3:GetObjectRetention", "s3:GetObjectVersion"]
    resources = ["${module.bucket.arn}/*"]
  }
  statement {
    sid       = "Decrypt"
    actions   = ["kms:Decrypt"]
    resources = [var.kms_key_arn]
    condition {
      test     = "StringLike"
      variable = "kms:ViaService"
      values   = ["s3.*.amazonaws.com"]
    }
  }

  dynamic "statement" {
    for_each = var.signing_key == null ? [] : [var.signing_key]
    content {
      sid       = "ReadPublicKey"
      actions   = ["kms:GetPublicKey"]
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
}

data "aws_iam_policy_document" "appender" {
  source_policy_documents = [data.aws_iam_policy_document.reader.json]
  statement {
    sid       = "AppendEvents"
    actions   = ["s3:PutObject", "s3:PutObjectRetention"] # an event carries its own retention, which S3 asks a right for
    resources = ["${module.bucket.arn}/*"]
  }
  statement {
    sid       = "Encrypt"
    actions   = ["kms:GenerateDataKey"]
    resources = [var.kms_key_arn]
    condition {
      test     = "StringLike"
      variable = "kms:ViaService"
      values   = ["s3.*.amazonaws.com"]
    }
  }

  dynamic "statement" {
    for_each = var.signing_key == null ? [] : [var.signing_key]
    content {
      sid       = "SignCheckpoints"
      actions   = ["kms:Sign"]
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
}

resource "aws_iam_role_policy" "reader" {
  for_each = var.readers
  name     = "audit-store"
  role     = each.value
  policy   = data.aws_iam_policy_document.reader.json
}

moved {
  from = aws_iam_role_policy.writer
  to   = aws_iam_role_policy.appender
}

resource "aws_iam_role_policy" "appender" {
  for_each = var.appenders
  name     = "audit-store"
  role     = each.value
  policy   = data.aws_iam_policy_document.appender.json
}
