resource "aws_secretsmanager_secret" "this" {
  for_each                = var.secrets
  name                    = each.key
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_days
  tags                    = var.tags
}

# The value is write-only: Terraform passes it on and keeps it nowhere. Only a raised version writes again.
resource "aws_secretsmanager_secret_version" "this" {
  for_each                 = { for name, version in var.secrets : name => version if version > 0 }
  secret_id                = aws_secretsmanager_secret.this[each.key].id
  secret_string_wo         = lookup(var.values, each.key, "") # never null: that is refused even where nothing is written
  secret_string_wo_version = each.value
}

data "aws_iam_policy_document" "reader" {
  count = length(var.secrets) > 0 ? 1 : 0
  statement {
    sid       = "ReadSecrets"
    actions   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
    resources = [for secret in aws_secretsmanager_secret.this : secret.arn]
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
}

resource "aws_iam_role_policy" "reader" {
  for_each = length(var.secrets) > 0 ? var.readers : {}
  name     = "secrets"
  role     = each.value
  policy   = data.aws_iam_policy_document.reader[0].json
}
