mock_provider "aws" {
  source = "../mocks"
}

variables {
  name = "acme-ml-production-access-logs"
}

run "is_closed_versioned_and_encrypted" {
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "All four blocks must be on."
  }
  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "Versioning must be on."
  }
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "Without a key S3's own is used."
  }
  assert {
    condition     = length(aws_s3_bucket_logging.this) == 0 && length(aws_s3_bucket_object_lock_configuration.this) == 0
    error_message = "Neither logs nor lock unless asked for."
  }
  assert {
    condition     = [for s in data.aws_iam_policy_document.this.statement : s.effect if s.sid == "DenyWithoutTls"] == ["Deny"]
    error_message = "Access without TLS must be denied."
  }
}

run "uses_key_logs_and_lock_when_given" {
  variables {
    access_log       = { bucket = "acme-ml-production-access-logs" }
    encryption_key   = { arn = "arn:aws:kms:eu-central-1:333333333333:key/1" }
    lifecycle_days   = { noncurrent = 30, expire = 90 }
    name             = "acme-ml-oncology-production-audit"
    object_lock_days = 3653
  }
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms"
    error_message = "The given key must be used."
  }
  assert {
    condition     = aws_s3_bucket_logging.this[0].target_prefix == "acme-ml-oncology-production-audit/"
    error_message = "Each bucket logs under its own name."
  }
  assert {
    condition     = aws_s3_bucket.this.object_lock_enabled && aws_s3_bucket_object_lock_configuration.this[0].rule[0].default_retention[0].mode == "COMPLIANCE"
    error_message = "The lock must be in COMPLIANCE mode."
  }
  assert {
    condition     = [for r in aws_s3_bucket_lifecycle_configuration.this.rule : r.id] == ["aborted-uploads", "noncurrent-versions", "expiry"]
    error_message = "Each lifecycle term becomes a rule."
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

run "refuses_a_name_that_s3_would" {
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
