output "context" {
  description = "What gcloud calls the cluster in a kubeconfig."
  value       = "gke_${var.project_id}_${var.location}_${google_container_cluster.this.name}"
}

output "name" {
  description = "Name of the cluster."
  value       = google_container_cluster.this.name
}

output "nodes" {
  description = "Member that nodes run as, which pulls the images of pods."
  value       = google_service_account.nodes.member
}

output "workload_pool" {
  description = "Workload Identity pool of the cluster: <project>.svc.id.goog."
  value       = "${var.project_id}.svc.id.goog"
  depends_on  = [google_container_cluster.this]
}
