output "version" {
  description = "Resource name of the version that signs, once its signers may use it."
  value       = "${google_kms_crypto_key.this.id}/cryptoKeyVersions/1" # Cloud KMS makes the first with the key
  depends_on  = [google_kms_crypto_key_iam_member.signer]
}
