locals {
  _folder_id = try(regex("^folders/([0-9]+)$", var.parent)[0], null)
  _org_id    = try(regex("^organizations/([0-9]+)$", var.parent)[0], null)
}

resource "google_project" "this" {
  count               = var.create ? 1 : 0
  auto_create_network = false
  billing_account     = var.billing_account
  deletion_policy     = var.protected ? "PREVENT" : "DELETE"
  folder_id           = local._folder_id
  labels              = var.labels
  name                = var.project_id
  org_id              = local._org_id
  project_id          = var.project_id

  lifecycle {
    precondition {
      condition     = var.billing_account != null && (local._folder_id != null || local._org_id != null)
      error_message = "Creating ${var.project_id} needs a billing account and a parent such as folders/123456789012; to use an existing project set create_project to false."
    }
  }
}

data "google_project" "existing" {
  count      = var.create ? 0 : 1
  project_id = var.project_id
}

locals {
  _number = var.create ? google_project.this[0].number : data.google_project.existing[0].number
}

resource "google_project_service" "this" {
  for_each           = var.services
  project            = var.project_id
  service            = each.value
  disable_on_destroy = false
  depends_on         = [google_project.this]
}

# The default service accounts hold the editor role, which would let any workload change anything.
resource "google_project_default_service_accounts" "this" {
  count          = var.create ? 1 : 0
  action         = "DEPRIVILEGE"
  project        = var.project_id
  restore_policy = "REVERT_AND_IGNORE_FAILURE"
  depends_on     = [google_project_service.this]
}

resource "google_project_iam_audit_config" "data_access" {
  for_each = var.audited_services
  project  = var.project_id
  service  = each.value

  dynamic "audit_log_config" {
    for_each = toset(["ADMIN_READ", "DATA_READ", "DATA_WRITE"])
    content {
      log_type = audit_log_config.value
    }
  }
  depends_on = [google_project_service.this]
}

# A project that was not made here has the network that Google makes by itself, open to ssh and rdp from anywhere.
data "google_compute_networks" "present" {
  count      = contains(var.services, "compute.googleapis.com") ? 1 : 0
  project    = var.project_id
  depends_on = [google_project_service.this]

  lifecycle {
    postcondition {
      condition     = !contains(coalesce(self.networks, []), "default")
      error_message = "${var.project_id} still has the default network, which lets ssh and rdp in from anywhere. If nothing uses it: gcloud compute firewall-rules delete default-allow-icmp default-allow-internal default-allow-rdp default-allow-ssh --project=${var.project_id} && gcloud compute networks delete default --project=${var.project_id}"
    }
  }
}

resource "google_resource_manager_lien" "this" {
  count        = var.protected ? 1 : 0
  origin       = "groundwork"
  parent       = "projects/${local._number}"
  reason       = "Holds a protected environment: its audit trail and models must outlive mistakes."
  restrictions = ["resourcemanager.projects.delete"]
}
