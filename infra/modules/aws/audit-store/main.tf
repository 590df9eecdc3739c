data "aws_partition" "current" {}

locals {
  _bucket_arn = "arn:${data.aws_partition.current.partition}:s3:::${var.name}"
  _reading = {
    find = ["s3:GetBucketLocation", "s3:GetBucketObjectLockConfiguration", "s3:ListBucket"]
    read = ["s3:GetObject", "s3:GetObjectRetention", "s3:GetObjectVersion"]
  }
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

# Roles of another account read by leave of both sides: this, and a policy of their own (module audit-reader).
data "aws_iam_policy_document" "foreign" {
  dynamic "statement" {
    for_each = merge(
      { for name, reader in var.foreign : "Finds${title(name)}" => { reader = reader, within = "", actions = local._reading.find } },
      { for name, reader in var.foreign : "Reads${title(name)}" => { reader = reader, within = "/*", actions = local._reading.read } },
    )
    content {
      sid       = statement.key
      actions   = statement.value.actions
      resources = ["${local._bucket_arn}${statement.value.within}"]
      principals {
        type        = "AWS"
        identifiers = ["arn:${data.aws_partition.current.partition}:iam::${statement.value.reader.account_id}:root"]
      }
      condition {
        test     = "ArnEquals"
        variable = "aws:PrincipalArn"
        values   = [for role in statement.value.reader.roles : "arn:${data.aws_partition.current.partition}:iam::${statement.value.reader.account_id}:role/${role}"]
      }
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
  policy_documents = [data.aws_iam_policy_document.write_once.json, data.aws_iam_policy_document.foreign.json]
  tags             = var.tags
}

data "aws_iam_policy_document" "reader" {
  statement {
    sid       = "FindEvents"
    actions   = local._reading.find
    resources = [module.bucket.arn]
  }
  statement {
    sid       = "ReadEvents"
    actions   = local._reading.read
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
