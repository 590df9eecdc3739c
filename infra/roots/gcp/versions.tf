terraform {
  required_version = ">= 1.11.0"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.50.0, < 8.0.0"
    }
  }
  backend "gcs" {}
}

provider "google" {
  default_labels = merge(local.labels, local.team_labels["platform"]) # what is a team's says so itself
  project        = local.gcp.project_id
  region         = local.gcp.region
}
