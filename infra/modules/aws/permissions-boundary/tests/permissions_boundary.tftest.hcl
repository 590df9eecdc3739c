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
