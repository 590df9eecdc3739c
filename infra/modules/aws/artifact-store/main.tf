module "bucket" {
  source         = "../bucket"
  name           = var.name
  access_log     = var.access_log
  force_destroy  = var.force_destroy
  encryption_key = { arn = var.kms_key_arn }
  lifecycle_days = { noncurrent = var.noncurrent_days }
  tags           = var.tags
}

data "aws_iam_policy_document" "reader" {
  statement {
    sid       = "FindObjects"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = [module.bucket.arn]
  }
  statement {
    sid       = "ReadObjects"
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
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
}

data "aws_iam_policy_document" "writer" {
  source_policy_documents = [data.aws_iam_policy_document.reader.json]
  statement {
    sid       = "WriteObjects"
    actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
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
}

resource "aws_iam_role_policy" "reader" {
  for_each = var.readers
  name     = "artifact-store"
  role     = each.value
  policy   = data.aws_iam_policy_document.reader.json
}

resource "aws_iam_role_policy" "writer" {
  for_each = var.writers
  name     = "artifact-store"
  role     = each.value
  policy   = data.aws_iam_policy_document.writer.json
}
