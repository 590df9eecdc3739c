locals {
  _members = {
    # Any ref of the repository may look; only a job of the environment, which has its own approvals, may change.
    plan  = "${local._set}/attribute.repository_id/${var.repository_id}"
    apply = "${local._set}/attribute.environment/${var.environment}"
  }
  _set = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.github.name}"
}

resource "google_iam_workload_identity_pool" "github" {
  description               = "Workflows of one repository."
  display_name              = "GitHub Actions"
  project                   = var.project_id
  workload_identity_pool_id = var.pool_id
}

# Ids, not names: a name can be given up and taken by somebody else.
resource "google_iam_workload_identity_pool_provider" "github" {
  attribute_condition = "assertion.repository_id == \"${var.repository_id}\" && assertion.repository_owner_id == \"${var.owner_id}\""
  attribute_mapping = {
    "attribute.environment"   = "has(assertion.environment) ? assertion.environment : \"-\""
    "attribute.owner_id"      = "assertion.repository_owner_id"
    "attribute.repository_id" = "assertion.repository_id"
    "google.subject"          = "assertion.sub"
  }
  display_name                       = "GitHub Actions"
  project                            = var.project_id
  workload_identity_pool_id          = google_iam_workload_identity_pool.github.workload_identity_pool_id
  workload_identity_pool_provider_id = "github"

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_service_account" "this" {
  for_each     = var.identities
  account_id   = each.value.account_id
  description  = each.value.description
  display_name = each.value.account_id
  project      = var.project_id
}

resource "google_service_account_iam_member" "federated" {
  for_each           = var.identities
  member             = local._members[each.key]
  role               = "roles/iam.workloadIdentityUser"
  service_account_id = google_service_account.this[each.key].name
}

resource "google_project_iam_member" "this" {
  for_each = merge([
    for key, identity in var.identities : { for role in identity.roles : "${key}/${role}" => { key = key, role = role } }
  ]...)
  member  = google_service_account.this[each.value.key].member
  project = var.project_id
  role    = each.value.role
}

# What no predefined role grants without more: a viewer of the whole project could read what every bucket holds.
resource "google_project_iam_custom_role" "this" {
  for_each    = { for key, identity in var.identities : key => identity if length(identity.permissions) > 0 }
  description = each.value.description
  permissions = each.value.permissions
  project     = var.project_id
  role_id     = "groundwork_${each.key}"
  title       = each.value.account_id
}

resource "google_project_iam_member" "custom" {
  for_each = google_project_iam_custom_role.this
  member   = google_service_account.this[each.key].member
  project  = var.project_id
  role     = "projects/${var.project_id}/roles/${each.value.role_id}"
}

# Whoever may grant roles could grant himself any; this one may grant only what this code grants.
resource "google_project_iam_member" "granter" {
  count   = length(var.grantable_roles) > 0 ? 1 : 0
  member  = google_service_account.this["apply"].member
  project = var.project_id
  role    = "roles/resourcemanager.projectIamAdmin"

  condition {
    description = "Only the roles that infra/roots/gcp grants on the project."
    expression  = "api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly([${join(", ", [for role in sort(var.grantable_roles) : "'${role}'"])}])"
    title       = "reviewed roles only"
  }
}

resource "google_storage_bucket_iam_member" "state" {
  for_each = var.state == null ? {} : { plan = "roles/storage.objectViewer", apply = "roles/storage.objectUser" }
  bucket   = var.state.bucket
  member   = google_service_account.this[each.key].member
  role     = each.value
}

# Whoever plans holds the state's lock meanwhile; it is all that the plan identity writes.
resource "google_storage_bucket_iam_member" "lock" {
  count  = var.state == null ? 0 : 1
  bucket = var.state.bucket
  member = google_service_account.this["plan"].member
  role   = "roles/storage.objectUser"

  condition {
    description = "Only the lock of the state."
    expression  = "resource.name == 'projects/_/buckets/${var.state.bucket}/objects/${var.state.lock}'"
    title       = "the lock"
  }
}

# A budget is the billing account's: to refresh one, plan has to see it, and apply to change it.
resource "google_billing_account_iam_member" "this" {
  for_each           = var.billing_account == null ? {} : { plan = "roles/billing.viewer", apply = "roles/billing.costsManager" }
  billing_account_id = var.billing_account
  member             = google_service_account.this[each.key].member
  role               = each.value
}
