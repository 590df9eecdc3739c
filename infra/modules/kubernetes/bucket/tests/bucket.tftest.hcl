mock_provider "aws" {
  source = "../../aws/mocks"
}

variables {
  name = "acme-ml-oncology-production-artifacts"
}

run "is_versioned_and_reached_over_tls_only" {
  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "Versioning must be on."
  }
  assert {
    condition     = [for s in data.aws_iam_policy_document.this.statement : s.sid] == ["DenyWithoutTls"]
    error_message = "Access without TLS must be denied, and nothing else."
  }
  assert {
    condition     = one(aws_s3_bucket_lifecycle_configuration.this[0].rule).noncurrent_version_expiration[0].noncurrent_days == 90
    error_message = "Replaced versions end."
  }
  assert {
    condition     = length(aws_s3_bucket_object_lock_configuration.this) == 0 && !aws_s3_bucket.this.object_lock_enabled
    error_message = "No lock unless asked for."
  }
}

run "a_locked_bucket_keeps_what_it_holds" {
  variables {
    name             = "acme-ml-platform-production-audit"
    noncurrent_days  = null
    object_lock_days = 3653
    tls_only         = false
  }
  assert {
    condition     = aws_s3_bucket.this.object_lock_enabled && aws_s3_bucket_object_lock_configuration.this[0].rule[0].default_retention[0].mode == "COMPLIANCE"
    error_message = "The lock must be in COMPLIANCE mode."
  }
  assert {
    condition     = [for s in data.aws_iam_policy_document.this.statement : s.sid] == ["DenyBypassAndDelete"]
    error_message = "Deleting must be denied."
  }
  assert {
    condition     = length(aws_s3_bucket_lifecycle_configuration.this) == 0
    error_message = "Nothing of a log expires by a rule."
  }
}

run "refuses_to_force_a_locked_bucket" {
  command = plan
  variables {
    force_destroy    = true
    object_lock_days = 1
  }
  expect_failures = [aws_s3_bucket.this]
}

run "refuses_a_name_that_stores_would" {
  command = plan
  variables {
    name = "Upper_Case"
  }
  expect_failures = [var.name]
}

run "refuses_a_lock_of_no_days" {
  command = plan
  variables {
    object_lock_days = 0
  }
  expect_failures = [var.object_lock_days]
}
