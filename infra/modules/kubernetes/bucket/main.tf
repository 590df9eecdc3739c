# S3-compatible stores know neither public access blocks, ownership controls nor keys of a cloud: they close buckets and
# encrypt by themselves. What they all know is here.

data "aws_iam_policy_document" "this" {
  dynamic "statement" {
    for_each = var.tls_only ? [true] : []
    content {
      sid       = "DenyWithoutTls"
      effect    = "Deny"
      actions   = ["s3:*"]
      resources = ["arn:aws:s3:::${var.name}", "arn:aws:s3:::${var.name}/*"]
      principals {
        type        = "AWS"
        identifiers = ["*"]
      }
      condition {
        test     = "Bool"
        variable = "aws:SecureTransport"
        values   = ["false"]
      }
    }
  }

  dynamic "statement" {
    for_each = var.object_lock_days == null ? [] : [true]
    content {
      sid       = "DenyBypassAndDelete"
      effect    = "Deny"
      actions   = ["s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:DeleteObjectVersion"]
      resources = ["arn:aws:s3:::${var.name}/*"]
      principals {
        type        = "AWS"
        identifiers = ["*"]
      }
    }
  }
}

resource "aws_s3_bucket" "this" {
  bucket              = var.name
  force_destroy       = var.force_destroy
  object_lock_enabled = var.object_lock_days != null
  tags                = var.tags

  lifecycle {
    precondition {
      condition     = var.object_lock_days == null || !var.force_destroy
      error_message = "Bucket ${var.name} is object-locked: force_destroy cannot empty it. Leave force_destroy false."
    }
  }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_policy" "this" {
  count  = var.tls_only || var.object_lock_days != null ? 1 : 0
  bucket = aws_s3_bucket.this.id
  policy = data.aws_iam_policy_document.this.json
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  count      = var.noncurrent_days == null ? 0 : 1
  bucket     = aws_s3_bucket.this.id
  depends_on = [aws_s3_bucket_versioning.this]

  rule {
    id     = "noncurrent-versions"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_days
    }
  }
}

resource "aws_s3_bucket_object_lock_configuration" "this" {
  count      = var.object_lock_days == null ? 0 : 1
  bucket     = aws_s3_bucket.this.id
  depends_on = [aws_s3_bucket_versioning.this]
  rule {
    default_retention {
      mode = "COMPLIANCE"
      days = var.object_lock_days
    }
  }
}
