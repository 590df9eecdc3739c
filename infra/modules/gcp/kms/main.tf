resource "google_kms_key_ring" "this" {
  location = var.location
  name     = var.name
  project  = var.project_id
}

resource "google_kms_crypto_key" "this" {
  for_each                   = var.keys
  destroy_scheduled_duration = "${30 * 24 * 3600}s"
  key_ring                   = google_kms_key_ring.this.id
  labels                     = merge(var.labels, each.value.labels)
  name                       = each.key
  purpose                    = "ENCRYPT_DECRYPT"
  rotation_period            = "${var.rotation_days * 24 * 3600}s"
}

resource "google_kms_crypto_key_iam_member" "user" {
  for_each = merge([
    for key in keys(var.keys) : { for name, member in var.users : "${key}/${name}" => { key = key, member = member } }
  ]...)
  crypto_key_id = google_kms_crypto_key.this[each.value.key].id
  member        = each.value.member
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
}
