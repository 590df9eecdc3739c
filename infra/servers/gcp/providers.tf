provider "google" {
  default_labels = local.labels
  project        = local.gcp.project_id
  region         = local.gcp.region
}
