output "id" {
  description = "Resource name of the network: projects/<project>/global/networks/<name>, once traffic can flow."
  value       = local._build ? google_compute_network.this[0].id : data.google_compute_network.existing[0].id
  depends_on = [
    google_compute_firewall.allow_egress,
    google_compute_firewall.allow_inside,
    google_compute_router_nat.this,
    google_dns_record_set.wildcard,
    google_service_networking_connection.services,
  ]
}

output "name" {
  description = "Name of the network."
  value       = local._build ? google_compute_network.this[0].name : var.existing
}

output "pods_range" {
  description = "Name of the secondary range for pods; null for an existing subnet, where GKE makes its own."
  value       = local._build ? "pods" : null
}

output "services_range" {
  description = "Name of the secondary range for services; null for an existing subnet."
  value       = local._build ? "services" : null
}

output "subnet_id" {
  description = "Resource name of the private subnet."
  value       = local._build ? google_compute_subnetwork.private[0].id : data.google_compute_subnetwork.existing[0].id
}
