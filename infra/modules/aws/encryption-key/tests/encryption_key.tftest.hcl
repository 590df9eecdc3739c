mock_provider "aws" {
  source = "../mocks"
}

variables {
  name        = "production"
  description = "Everything that production keeps."
}

run "rotates_and_waits_before_it_is_gone" {
  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "The key must rotate, and be recoverable for 30 days."
  }
  assert {
    condition     = length(data.aws_iam_policy_document.key.statement) == 1
    error_message = "Without services only the account decides."
  }
}

run "admits_the_services_it_is_given" {
  command = plan
  variables {
    logs_region = "eu-central-1"
    services    = ["budgets.amazonaws.com"]
  }
  assert {
    condition     = [for s in data.aws_iam_policy_document.key.statement : s.sid] == ["AccountDecidesByIam", "Services", "Logs"]
    error_message = "Services and logs each get a statement."
  }
}

run "refuses_an_alias_of_amazon" {
  command = plan
  variables {
    name = "aws/s3"
  }
  expect_failures = [var.name]
}

run "decrypts_for_a_role_of_another_account_what_one_bucket_holds" {
  variables {
    bucket_readers = { staging = { account_id = "222222222222", bucket = "acme-ml-platform-production-audit", roles = ["oncology-staging-cl"] } }
  }
  assert {
    condition     = one([for s in data.aws_iam_policy_document.key.statement : s.actions if s.sid == "ReadsStaging"]) == toset(["kms:Decrypt"])
    error_message = "It decrypts and does nothing else."
  }
  assert {
    condition     = one([for s in data.aws_iam_policy_document.key.statement : { for c in s.condition : c.variable => c.values } if s.sid == "ReadsStaging"])["aws:PrincipalArn"] == tolist(["arn:aws:iam::222222222222:role/oncology-staging-cl"])
    error_message = "It is that role and no other of its account."
  }
  assert {
    condition     = one([for s in data.aws_iam_policy_document.key.statement : { for c in s.condition : c.variable => c.values } if s.sid == "ReadsStaging"])["kms:EncryptionContext:aws:s3:arn"] == tolist(["arn:aws:s3:::acme-ml-platform-production-audit", "arn:aws:s3:::acme-ml-platform-production-audit/*"])
    error_message = "Only what the log's bucket holds is decrypted."
  }
}
