locals {
  _build = var.existing == null
  # The virtual addresses that keep traffic to Google APIs off the internet.
  # Source: cloud.google.com/vpc/docs/configure-private-google-access
  _private_api_addresses = ["199.36.153.8", "199.36.153.9", "199.36.153.10", "199.36.153.11"]
  _private_api_range     = "199.36.153.8/30"
  _private_api_domains   = local._build ? { googleapis = "googleapis.com.", pkg-dev = "pkg.dev.", gcr = "gcr.io." } : {}
}

resource "google_compute_network" "this" {
  count                           = local._build ? 1 : 0
  auto_create_subnetworks         = false
  delete_default_routes_on_create = false
  name                            = var.name
  project                         = var.project_id
  routing_mode                    = "REGIONAL"
}

resource "google_compute_subnetwork" "private" {
  count                    = local._build ? 1 : 0
  ip_cidr_range            = cidrsubnet(var.cidr, 2, 0)
  name                     = "${var.name}-private"
  network                  = google_compute_network.this[0].id
  private_ip_google_access = true
  project                  = var.project_id
  region                   = var.region

  log_config {
    aggregation_interval = "INTERVAL_10_MIN"
    flow_sampling        = 0.5
    metadata             = "INCLUDE_ALL_METADATA"
  }

  secondary_ip_range {
    ip_cidr_range = cidrsubnet(var.cidr, 1, 1)
    range_name    = "pods"
  }

  secondary_ip_range {
    ip_cidr_range = cidrsubnet(var.cidr, 2, 1)
    range_name    = "services"
  }
}

resource "google_compute_router" "this" {
  count   = local._build ? 1 : 0
  name    = var.name
  network = google_compute_network.this[0].id
  project = var.project_id
  region  = var.region
}

resource "google_compute_router_nat" "this" {
  count                              = local._build ? 1 : 0
  name                               = var.name
  nat_ip_allocate_option             = "AUTO_ONLY"
  project                            = var.project_id
  region                             = var.region
  router                             = google_compute_router.this[0].name
  source_subnetwork_ip_ranges_to_nat = "ALL_SUBNETWORKS_ALL_IP_RANGES"

  log_config {
    enable = true
    filter = "ERRORS_ONLY"
  }
}

resource "google_compute_firewall" "deny_ingress" {
  count         = local._build ? 1 : 0
  description   = "Nothing enters unless a rule of a higher priority says so."
  direction     = "INGRESS"
  name          = "${var.name}-deny-ingress"
  network       = google_compute_network.this[0].id
  priority      = 65000
  project       = var.project_id
  source_ranges = ["0.0.0.0/0"]

  deny {
    protocol = "all"
  }

  log_config {
    metadata = "INCLUDE_ALL_METADATA"
  }
}

resource "google_compute_firewall" "deny_egress" {
  count              = local._build ? 1 : 0
  description        = "Nothing leaves unless a rule of a higher priority says so."
  destination_ranges = ["0.0.0.0/0"]
  direction          = "EGRESS"
  name               = "${var.name}-deny-egress"
  network            = google_compute_network.this[0].id
  priority           = 65000
  project            = var.project_id

  deny {
    protocol = "all"
  }

  log_config {
    metadata = "INCLUDE_ALL_METADATA"
  }
}

resource "google_compute_firewall" "allow_inside" {
  for_each           = local._build ? { ingress = "INGRESS", egress = "EGRESS" } : {}
  description        = "Workers of one job talk to each other."
  destination_ranges = each.value == "EGRESS" ? [var.cidr] : null
  direction          = each.value
  name               = "${var.name}-inside-${each.key}"
  network            = google_compute_network.this[0].id
  priority           = 1000
  project            = var.project_id
  source_ranges      = each.value == "INGRESS" ? [var.cidr] : null

  allow {
    protocol = "all"
  }
}

locals {
  _egress = { for name, ranges in {
    google-apis = [local._private_api_range]
    https       = var.https_egress
    services    = [for address in google_compute_global_address.services : "${address.address}/${address.prefix_length}"]
  } : name => ranges if local._build && (name != "https" || length(var.https_egress) > 0) }
}

resource "google_compute_firewall" "allow_egress" {
  for_each           = local._egress
  description        = "Traffic to ${each.key}."
  destination_ranges = each.value
  direction          = "EGRESS"
  name               = "${var.name}-to-${each.key}"
  network            = google_compute_network.this[0].id
  priority           = 1000
  project            = var.project_id

  allow {
    ports    = each.key == "services" ? null : ["443"]
    protocol = each.key == "services" ? "all" : "tcp"
  }
}

# Private service access: Vertex AI and other Google services reach the network through a peering.
resource "google_compute_global_address" "services" {
  count         = local._build ? 1 : 0
  address_type  = "INTERNAL"
  labels        = var.labels
  name          = "${var.name}-services"
  network       = google_compute_network.this[0].id
  prefix_length = 20
  project       = var.project_id
  purpose       = "VPC_PEERING"
}

resource "google_service_networking_connection" "services" {
  count                   = local._build ? 1 : 0
  network                 = google_compute_network.this[0].id
  reserved_peering_ranges = [google_compute_global_address.services[0].name]
  service                 = "servicenetworking.googleapis.com"
}

resource "google_dns_managed_zone" "google_apis" {
  for_each    = local._private_api_domains
  description = "Sends ${each.value} to the private addresses of Google APIs."
  dns_name    = each.value
  labels      = var.labels
  name        = "${var.name}-${each.key}"
  project     = var.project_id
  visibility  = "private"

  private_visibility_config {
    networks {
      network_url = google_compute_network.this[0].id
    }
  }
}

resource "google_dns_record_set" "google_apis" {
  for_each     = local._private_api_domains
  managed_zone = google_dns_managed_zone.google_apis[each.key].name
  name         = each.key == "googleapis" ? "private.${each.value}" : each.value
  project      = var.project_id
  rrdatas      = local._private_api_addresses
  ttl          = 300
  type         = "A"
}

resource "google_dns_record_set" "wildcard" {
  for_each     = local._private_api_domains
  managed_zone = google_dns_managed_zone.google_apis[each.key].name
  name         = "*.${each.value}"
  project      = var.project_id
  rrdatas      = [google_dns_record_set.google_apis[each.key].name]
  ttl          = 300
  type         = "CNAME"
}

data "google_compute_network" "existing" {
  count   = local._build ? 0 : 1
  name    = var.existing
  project = var.project_id
}

data "google_compute_subnetwork" "existing" {
  count   = local._build ? 0 : 1
  name    = var.existing_subnet
  project = var.project_id
  region  = var.region
}
