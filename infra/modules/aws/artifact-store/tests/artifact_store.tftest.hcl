mock_provider "aws" {
  source = "../mocks"
}

variables {
  kms_key_arn = "arn:aws:kms:eu-central-1:333333333333:key/1"
  name        = "acme-ml-oncology-production-artifacts"
}

run "keeps_what_it_holds_and_grants_nothing_by_itself" {
  assert {
    condition     = output.name != null && length(aws_iam_role_policy.reader) == 0 && length(aws_iam_role_policy.writer) == 0
    error_message = "Nobody is granted anything unless named."
  }
}

run "grants_readers_less_than_writers" {
  variables {
    readers = { auditor = "auditor" }
    writers = { workload = "oncology-production-wl" }
  }
  assert {
    condition     = aws_iam_role_policy.writer["workload"].role == "oncology-production-wl" && aws_iam_role_policy.reader["auditor"].role == "auditor"
    error_message = "Each role gets its own policy."
  }
  assert {
    condition     = !contains(flatten([for s in data.aws_iam_policy_document.reader.statement : s.actions]), "s3:PutObject")
    error_message = "A reader must not write."
  }
}
