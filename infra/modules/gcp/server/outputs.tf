output "address" {
  description = "Private address of the load balancer: what the served names are to point to."
  value       = google_compute_address.this.address
  depends_on  = [google_compute_forwarding_rule.this]
}

output "database" {
  description = "Address of the database, host and port, without who uses it."
  value       = "${google_sql_database_instance.this.private_ip_address}:3306"
}
