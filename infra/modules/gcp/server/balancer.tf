# The load balancer is inside the network too: who uses the server comes by a private connection.

resource "google_compute_subnetwork" "proxies" {
  count         = var.proxy_cidr == null ? 0 : 1
  ip_cidr_range = var.proxy_cidr
  name          = "${var.name}-proxies"
  network       = var.network
  project       = var.project_id
  purpose       = "REGIONAL_MANAGED_PROXY"
  region        = var.location
  role          = "ACTIVE"
}

resource "google_compute_address" "this" {
  address_type = "INTERNAL"
  labels       = var.labels
  name         = var.name
  project      = var.project_id
  purpose      = "SHARED_LOADBALANCER_VIP"
  region       = var.location
  subnetwork   = var.subnet
}

resource "google_compute_region_network_endpoint_group" "this" {
  for_each              = var.services
  name                  = "${var.name}-${each.key}"
  network_endpoint_type = "SERVERLESS"
  project               = var.project_id
  region                = var.location

  cloud_run {
    service = google_cloud_run_v2_service.this[each.key].name
  }
}

resource "google_compute_region_backend_service" "this" {
  for_each              = var.services
  load_balancing_scheme = "INTERNAL_MANAGED"
  name                  = "${var.name}-${each.key}"
  project               = var.project_id
  protocol              = "HTTPS"
  region                = var.location

  backend {
    balancing_mode  = "UTILIZATION"
    capacity_scaler = 1
    group           = google_compute_region_network_endpoint_group.this[each.key].id
  }

  log_config {
    enable      = true
    sample_rate = 1
  }
}

resource "google_compute_region_url_map" "this" {
  name    = var.name
  project = var.project_id
  region  = var.location

  # What nothing is served under leads to the server's own name.
  default_url_redirect {
    host_redirect  = var.domain
    https_redirect = true
    strip_query    = true
  }

  dynamic "host_rule" {
    for_each = var.services
    content {
      hosts        = [host_rule.value.host]
      path_matcher = host_rule.key
    }
  }

  dynamic "path_matcher" {
    for_each = var.services
    content {
      default_service = google_compute_region_backend_service.this[path_matcher.key].id
      name            = path_matcher.key
    }
  }
}

resource "google_compute_region_ssl_policy" "this" {
  min_tls_version = "TLS_1_2"
  name            = var.name
  profile         = "RESTRICTED"
  project         = var.project_id
  region          = var.location
}

resource "google_compute_region_target_https_proxy" "this" {
  certificate_manager_certificates = [var.certificate]
  name                             = var.name
  project                          = var.project_id
  region                           = var.location
  ssl_policy                       = google_compute_region_ssl_policy.this.id
  url_map                          = google_compute_region_url_map.this.id
}

resource "google_compute_forwarding_rule" "this" {
  ip_address            = google_compute_address.this.address
  ip_protocol           = "TCP"
  labels                = var.labels
  load_balancing_scheme = "INTERNAL_MANAGED"
  name                  = var.name
  network               = var.network
  port_range            = "443"
  project               = var.project_id
  region                = var.location
  subnetwork            = var.subnet
  target                = google_compute_region_target_https_proxy.this.id
  depends_on            = [google_compute_subnetwork.proxies]
}

# Trackers' pages ask the server who somebody is, so the network itself has to know its name.
resource "google_dns_managed_zone" "this" {
  description = "Names of the shared server, inside the network."
  dns_name    = "${var.domain}."
  labels      = var.labels
  name        = var.name
  project     = var.project_id
  visibility  = "private"

  private_visibility_config {
    networks {
      network_url = var.network
    }
  }
}

resource "google_dns_record_set" "this" {
  for_each     = { server = "${var.domain}.", trackers = "*.${var.domain}." }
  managed_zone = google_dns_managed_zone.this.name
  name         = each.value
  project      = var.project_id
  rrdatas      = [google_compute_address.this.address]
  ttl          = 300
  type         = "A"
}
