mock_provider "aws" {
  source = "../mocks"
}

variables {
  environment = "production"
  prefix      = "acme-ml"
}

run "confines_roles_to_the_environments_buckets" {
  assert {
    condition     = [for s in data.aws_iam_policy_document.this.statement : s.resources if s.sid == "Objects"] == [toset(["arn:aws:s3:::acme-ml-*-production-*"])]
    error_message = "Only buckets of the environment are within the boundary."
  }
  assert {
    condition     = length([for a in flatten([for s in data.aws_iam_policy_document.this.statement : s.actions]) : a if startswith(a, "iam:") && a != "iam:PassRole"]) == 0
    error_message = "No identity can be changed within the boundary."
  }
}

run "reads_the_logs_of_others_and_nothing_else_of_theirs" {
  variables {
    audit_logs = { staging = { account_id = "222222222222", bucket = "acme-ml-platform-staging-audit" } }
  }
  assert {
    condition     = one([for s in data.aws_iam_policy_document.this.statement : s.resources if s.sid == "OtherLogs"]) == toset(["arn:aws:s3:::acme-ml-platform-staging-audit", "arn:aws:s3:::acme-ml-platform-staging-audit/*"])
    error_message = "Only the log's bucket is within the boundary."
  }
  assert {
    condition     = alltrue([for a in flatten([for s in data.aws_iam_policy_document.this.statement : s.actions if startswith(s.sid, "OtherLogs")]) : can(regex(":(Get|List|Decrypt)", a))])
    error_message = "Logs of others are read, never written."
  }
}
