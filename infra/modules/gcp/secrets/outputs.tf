output "names" {
  description = "Resource name of each secret, by key, once its readers may read it."
  value       = { for key, secret in google_secret_manager_secret.this : key => secret.id }
  depends_on  = [google_secret_manager_secret_iam_member.reader]
}

output "versions" {
  description = "Number of the newest version that was written here of each secret that has one, by key."
  value       = { for key, version in google_secret_manager_secret_version.this : key => version.version }
}
