data "aws_partition" "current" {}

# Nothing is allowed by this alone: the log's bucket and its keys have to name the roles as well.
data "aws_iam_policy_document" "this" {
  statement {
    sid       = "FindEvents"
    actions   = ["s3:GetBucketLocation", "s3:GetBucketObjectLockConfiguration", "s3:ListBucket"]
    resources = ["arn:${data.aws_partition.current.partition}:s3:::${var.bucket}"]
  }
  statement {
    sid       = "ReadEvents"
    actions   = ["s3:GetObject", "s3:GetObjectRetention", "s3:GetObjectVersion"]
    resources = ["arn:${data.aws_partition.current.partition}:s3:::${var.bucket}/*"]
  }
  statement {
    sid       = "Decrypt"
    actions   = ["kms:Decrypt"]
    resources = ["arn:${data.aws_partition.current.partition}:kms:*:${var.account_id}:key/*"]
    condition {
      test     = "StringLike"
      variable = "kms:ViaService"
      values   = ["s3.*.amazonaws.com"]
    }
  }
  statement {
    sid       = "ReadPublicKey"
    actions   = ["kms:GetPublicKey"]
    resources = ["arn:${data.aws_partition.current.partition}:kms:*:${var.account_id}:key/*"]
  }
}

resource "aws_iam_role_policy" "this" {
  for_each = var.roles
  name     = "audit-log-of-${var.name}"
  role     = each.value
  policy   = data.aws_iam_policy_document.this.json
}
