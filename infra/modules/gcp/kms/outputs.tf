output "key_ring" {
  description = "Resource name of the key ring."
  value       = google_kms_key_ring.this.id
}

output "keys" {
  description = "Resource name of each key, once the service agents may use it."
  value       = { for name, key in google_kms_crypto_key.this : name => key.id }
  depends_on  = [google_kms_crypto_key_iam_member.user]
}
