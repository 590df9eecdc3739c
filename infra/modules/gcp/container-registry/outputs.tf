output "id" {
  description = "Resource name: projects/<project>/locations/<location>/repositories/<id>, once it can be used."
  value       = google_artifact_registry_repository.this.id
  depends_on  = [google_artifact_registry_repository_iam_member.this]
}

output "uri" {
  description = "What image names start with: <location>-docker.pkg.dev/<project>/<id>, once it can be used."
  value       = "${var.location}-docker.pkg.dev/${var.project_id}/${google_artifact_registry_repository.this.repository_id}"
  depends_on  = [google_artifact_registry_repository_iam_member.this]
}
