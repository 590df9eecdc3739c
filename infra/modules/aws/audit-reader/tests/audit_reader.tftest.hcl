mock_provider "aws" {
  source = "../mocks"
}

variables {
  account_id = "222222222222"
  bucket     = "acme-ml-platform-staging-audit"
  name       = "staging"
  roles      = { oncology = "oncology-production-cl" }
}

run "reads_one_log_and_writes_nothing" {
  assert {
    condition     = alltrue([for a in flatten([for s in data.aws_iam_policy_document.this.statement : s.actions]) : can(regex(":(Get|List|Decrypt)", a))])
    error_message = "Another environment's log is read, never written or signed."
  }
  assert {
    condition     = alltrue([for r in flatten([for s in data.aws_iam_policy_document.this.statement : s.resources]) : startswith(r, "arn:aws:s3:::acme-ml-platform-staging-audit") || r == "arn:aws:kms:*:222222222222:key/*"])
    error_message = "Nothing else of the other environment is named."
  }
}
