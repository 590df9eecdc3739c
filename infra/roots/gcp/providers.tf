provider "google" {
  default_labels = local.teams["platform"].labels # what is a team's says so itself
  project        = local.gcp.project_id
  region         = local.gcp.region
}
