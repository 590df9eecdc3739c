resource "google_container_cluster" "this" {
  deletion_protection = var.protected
  enable_autopilot    = true
  location            = var.location
  name                = var.name
  network             = var.network
  project             = var.project_id
  resource_labels     = var.labels
  subnetwork          = var.subnet

  cluster_autoscaling {
    auto_provisioning_defaults {
      boot_disk_kms_key = var.kms_key
      service_account   = google_service_account.nodes.email
    }
  }

  # Reachable by its DNS name with IAM, by no address from outside.
  control_plane_endpoints_config {
    dns_endpoint_config {
      allow_external_traffic = true
    }
    ip_endpoints_config {
      enabled = false
    }
  }

  database_encryption {
    key_name = var.kms_key
    state    = "ENCRYPTED"
  }

  ip_allocation_policy {
    cluster_secondary_range_name  = var.pods_range
    services_secondary_range_name = var.services_range
  }

  private_cluster_config {
    enable_private_endpoint = true
    enable_private_nodes    = true
  }

  release_channel {
    channel = "REGULAR"
  }

  workload_identity_config {
    workload_pool = "${var.project_id}.svc.id.goog"
  }
}

resource "google_service_account" "nodes" {
  account_id   = var.nodes_account_id
  description  = "What the nodes of ${var.name} run as; pipelines run as their team's workload account."
  display_name = var.nodes_account_id
  project      = var.project_id
}

resource "google_project_iam_member" "nodes" {
  for_each = toset(["roles/container.defaultNodeServiceAccount"])
  member   = google_service_account.nodes.member
  project  = var.project_id
  role     = each.value
}
