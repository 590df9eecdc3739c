mock_provider "aws" {
  source = "../mocks"
}

variables {
  kms_key_arn    = "arn:aws:kms:eu-central-1:333333333333:key/1"
  names          = { team = "/groundwork/production/oncology" }
  retention_days = 2557
}

run "keeps_logs_for_the_retention" {
  assert {
    condition     = aws_cloudwatch_log_group.this["team"].retention_in_days == 2557
    error_message = "A number that CloudWatch offers is taken as it is."
  }
}

run "rounds_up_never_down" {
  variables {
    retention_days = 2558
    writers        = { workload = "oncology-production-wl" }
  }
  assert {
    condition     = output.retention_days == 2922
    error_message = "The next longer retention is taken."
  }
  assert {
    condition     = keys(aws_iam_role_policy.writer) == ["workload"]
    error_message = "Writers get a policy."
  }
}

run "refuses_more_than_cloudwatch_keeps" {
  command = plan
  variables {
    retention_days = 3654
  }
  expect_failures = [var.retention_days]
}
