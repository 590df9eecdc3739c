mock_provider "google" {
  mock_resource "google_kms_crypto_key" {
    defaults = { id = "projects/p/locations/europe-west1/keyRings/r/cryptoKeys/dev_audit" }
  }
}

variables {
  key_ring = "projects/p/locations/europe-west1/keyRings/r"
  name     = "dev_audit"
}

run "nobody_signs_unasked" {
  command = plan
  assert {
    condition     = length(google_kms_crypto_key_iam_member.signer) + length(google_kms_crypto_key_iam_member.viewer) == 0
    error_message = "Only the named members may use the key."
  }
}

run "a_viewer_does_not_sign" {
  command = plan
  variables {
    viewers = { auditors = "group:auditors@example.com" }
  }
  assert {
    condition     = [for grant in google_kms_crypto_key_iam_member.viewer : grant.role] == ["roles/cloudkms.publicKeyViewer"] && length(google_kms_crypto_key_iam_member.signer) == 0
    error_message = "An auditor reads the public key and nothing else."
  }
}

run "the_first_version_signs" {
  assert {
    condition     = output.version == "projects/p/locations/europe-west1/keyRings/r/cryptoKeys/dev_audit/cryptoKeyVersions/1"
    error_message = "Cloud KMS numbers versions from 1."
  }
}
