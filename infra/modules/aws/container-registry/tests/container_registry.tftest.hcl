mock_provider "aws" {
  source = "../mocks"
}

variables {
  kms_key_arn = "arn:aws:kms:eu-central-1:333333333333:key/1"
  name        = "oncology-production"
}

run "holds_images_that_never_change" {
  assert {
    condition     = aws_ecr_repository.this.image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.this.image_scanning_configuration[0].scan_on_push
    error_message = "Tags are immutable and pushes are scanned."
  }
  assert {
    condition     = output.registry == "333333333333.dkr.ecr.eu-central-1.amazonaws.com"
    error_message = "The registry is the host alone."
  }
}

run "lets_readers_pull_only" {
  variables {
    readers = { workload = "oncology-production-wl" }
    writers = { client = "oncology-production-cl" }
  }
  assert {
    condition     = !contains(flatten([for s in data.aws_iam_policy_document.reader.statement : s.actions]), "ecr:PutImage")
    error_message = "A reader must not push."
  }
  assert {
    condition     = keys(aws_iam_role_policy.reader) == ["workload"] && keys(aws_iam_role_policy.writer) == ["client"]
    error_message = "Each role gets its own policy."
  }
}

run "refuses_a_name_that_ecr_would" {
  command = plan
  variables {
    name = "-oncology"
  }
  expect_failures = [var.name]
}
