# An asymmetric key is not rotated by itself: the verifier of an old signature has to know which version made it.
resource "google_kms_crypto_key" "this" {
  destroy_scheduled_duration = "${30 * 24 * 3600}s"
  key_ring                   = var.key_ring
  labels                     = var.labels
  name                       = var.name
  purpose                    = "ASYMMETRIC_SIGN"

  version_template {
    algorithm        = "EC_SIGN_ED25519"
    protection_level = "SOFTWARE" # Cloud HSM makes no Ed25519 keys
  }
}

resource "google_kms_crypto_key_iam_member" "signer" {
  for_each      = var.signers
  crypto_key_id = google_kms_crypto_key.this.id
  member        = each.value
  role          = "roles/cloudkms.signerVerifier"
}

resource "google_kms_crypto_key_iam_member" "viewer" {
  for_each      = var.viewers
  crypto_key_id = google_kms_crypto_key.this.id
  member        = each.value
  role          = "roles/cloudkms.publicKeyViewer"
}
