mock_provider "aws" {
  source = "../mocks"
}

variables {
  kms_key_arn    = "arn:aws:kms:eu-central-1:333333333333:key/1"
  name           = "acme-ml-oncology-production-audit"
  minimum_days   = 2557
  retention_days = 3653
}

run "denies_what_would_weaken_it" {
  assert {
    condition     = toset([for s in data.aws_iam_policy_document.write_once.statement : s.effect]) == toset(["Deny"])
    error_message = "The terms of the log only deny."
  }
  assert {
    condition     = [for s in data.aws_iam_policy_document.write_once.statement : one(s.condition).values if s.sid == "DenyShorterRetention"] == [tolist(["2556"])]
    error_message = "Retention shorter than the environment's must be denied."
  }
}

run "lets_appenders_append_and_not_delete" {
  variables {
    readers   = { auditor = "auditor" }
    appenders = { workload = "oncology-production-wl" }
  }
  assert {
    condition     = length([for s in data.aws_iam_policy_document.appender.statement : s if contains(s.actions, "s3:DeleteObject")]) == 0
    error_message = "An appender appends; it does not delete."
  }
  assert {
    condition     = keys(aws_iam_role_policy.reader) == ["auditor"]
    error_message = "Readers get a policy."
  }
}

run "without_a_key_nobody_signs" {
  assert {
    condition     = length([for s in data.aws_iam_policy_document.appender.statement : s if contains(s.actions, "kms:Sign")]) == 0
    error_message = "Nobody may sign with keys at large."
  }
}

run "lets_appenders_sign_and_readers_see_the_public_key" {
  variables {
    signing_key = { arn = "arn:aws:kms:eu-central-1:333333333333:key/*", alias = "alias/audit" }
  }
  assert {
    condition     = [for s in data.aws_iam_policy_document.appender.statement : one(s.condition).values if contains(s.actions, "kms:Sign")] == [tolist(["alias/audit"])]
    error_message = "A writer signs with the key that the alias names."
  }
  assert {
    condition     = [for s in data.aws_iam_policy_document.reader.statement : s.actions if s.sid == "ReadPublicKey"] == [toset(["kms:GetPublicKey"])]
    error_message = "A reader sees the public key and does not sign."
  }
}

run "refuses_no_retention" {
  command = plan
  variables {
    retention_days = 0
  }
  expect_failures = [var.retention_days]
}

run "refuses_a_minimum_above_the_retention" {
  command = plan
  variables {
    minimum_days = 3654
  }
  expect_failures = [var.minimum_days]
}

run "lets_a_role_of_another_account_read_and_no_more" {
  variables {
    foreign = { staging = { account_id = "222222222222", roles = ["oncology-staging-cl"] } }
  }
  assert {
    condition     = alltrue([for a in flatten([for s in data.aws_iam_policy_document.foreign.statement : s.actions]) : can(regex("^s3:(Get|List)", a))])
    error_message = "Other environments read; they write, hold and delete nothing."
  }
  assert {
    condition     = alltrue([for s in data.aws_iam_policy_document.foreign.statement : one(s.condition).variable == "aws:PrincipalArn" && one(s.condition).values == tolist(["arn:aws:iam::222222222222:role/oncology-staging-cl"])])
    error_message = "It is that role and no other of its account."
  }
}
