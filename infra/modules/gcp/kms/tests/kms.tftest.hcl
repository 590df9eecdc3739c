mock_provider "google" {}

variables {
  keys       = { platform = {} }
  location   = "europe-west1"
  name       = "acme-ml-dev"
  project_id = "acme-ml-dev"
}

run "nobody_uses_a_key_unasked" {
  command = plan
  assert {
    condition     = length(google_kms_crypto_key_iam_member.user) == 0
    error_message = "Only the named service agents may use a key."
  }
}

run "keys_rotate_once_a_day_at_most" {
  command = plan
  variables {
    rotation_days = 0.5
  }
  expect_failures = [var.rotation_days]
}
