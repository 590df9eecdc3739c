mock_provider "aws" {
  source = "../mocks"
}

variables {
  kms_key_arn = "arn:aws:kms:eu-central-1:333333333333:key/1"
  values      = {}
}

run "none" {
  assert {
    condition     = length(output.references) == 0
    error_message = "No secrets, no references."
  }
}

run "empty_and_filled" {
  variables {
    readers = { client = "oncology-production-cl" }
    secrets = { by-hand = 0, token = 1 }
    values  = { token = "correct-horse" }
  }
  assert {
    condition     = keys(aws_secretsmanager_secret.this) == ["by-hand", "token"] && keys(aws_secretsmanager_secret_version.this) == ["token"]
    error_message = "A secret of version 0 is made empty."
  }
  assert {
    condition     = keys(aws_iam_role_policy.reader) == ["client"]
    error_message = "The reader gets a policy."
  }
}

run "refuses_half_a_version" {
  command = plan
  variables {
    secrets = { token = 1.5 }
  }
  expect_failures = [var.secrets]
}

run "refuses_a_recovery_that_aws_does_not_offer" {
  command = plan
  variables {
    recovery_days = 3
  }
  expect_failures = [var.recovery_days]
}
