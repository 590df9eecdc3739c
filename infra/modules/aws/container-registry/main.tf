resource "aws_ecr_repository" "this" {
  name                 = var.name
  force_delete         = var.force_delete
  image_tag_mutability = "IMMUTABLE"
  tags                 = var.tags

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = var.kms_key_arn
  }

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  repository = aws_ecr_repository.this.name
  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "Layers without a tag are left over from builds."
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = var.untagged_days }
        action       = { type = "expire" }
      },
    ]
  })
}

data "aws_iam_policy_document" "reader" {
  statement {
    sid       = "LogIn"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # names no resource
  }
  statement {
    sid = "Pull"
    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:DescribeImages",
      "ecr:DescribeRepositories",
      "ecr:GetDownloadUrlForLayer",
      "ecr:ListImages",
    ]
    resources = [aws_ecr_repository.this.arn]
  }
}

data "aws_iam_policy_document" "writer" {
  source_policy_documents = [data.aws_iam_policy_document.reader.json]
  statement {
    sid = "Push"
    actions = [
      "ecr:CompleteLayerUpload",
      "ecr:InitiateLayerUpload",
      "ecr:PutImage",
      "ecr:UploadLayerPart",
    ]
    resources = [aws_ecr_repository.this.arn]
  }
  # ZenML verifies its connector by listing repositories, which names none.
  statement {
    sid       = "FindRepository"
    actions   = ["ecr:DescribeRepositories"]
    resources = [replace(aws_ecr_repository.this.arn, "/repository/.*$/", "repository/*")]
  }
}

resource "aws_iam_role_policy" "reader" {
  for_each = var.readers
  name     = "container-registry"
  role     = each.value
  policy   = data.aws_iam_policy_document.reader.json
}

resource "aws_iam_role_policy" "writer" {
  for_each = var.writers
  name     = "container-registry"
  role     = each.value
  policy   = data.aws_iam_policy_document.writer.json
}
