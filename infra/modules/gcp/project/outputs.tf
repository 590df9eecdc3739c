output "id" {
  description = "Project id, once its services can be used."
  value       = var.project_id
  depends_on  = [google_project.this, google_project_service.this, google_project_default_service_accounts.this]
}

output "number" {
  description = "Project number, once its services can be used."
  value       = local._number
  depends_on  = [google_project_service.this]
}
