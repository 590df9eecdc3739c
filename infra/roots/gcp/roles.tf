# Every role that is granted on the project, by who holds it. What is granted on a bucket, a repository, a secret or a
# service account stands in the module that owns it.
locals {
  client_roles = toset(concat(
    local.uses_jobs ? ["roles/aiplatform.user"] : [],
    local.kubernetes ? ["roles/container.clusterViewer"] : [],
    local.airflow ? ["roles/composer.user"] : [],
  ))

  workload_roles = toset(concat(
    ["roles/logging.logWriter", "roles/monitoring.metricWriter"],
    local.uses_jobs ? ["roles/aiplatform.user"] : [],
  ))

  machine_roles = concat(
    local.kubernetes ? ["roles/container.defaultNodeServiceAccount"] : [],
    local.airflow ? ["roles/composer.worker"] : [],
  )

  plan_roles = toset(["roles/browser", "roles/iam.securityReviewer", "roles/viewer"])

  apply_roles = toset(concat(
    [
      "roles/artifactregistry.admin",
      "roles/cloudkms.admin",
      "roles/compute.networkAdmin",
      "roles/compute.securityAdmin",
      "roles/dns.admin",
      "roles/iam.serviceAccountAdmin",
      "roles/iam.workloadIdentityPoolAdmin",
      "roles/logging.configWriter",
      "roles/monitoring.editor",
      "roles/pubsub.admin",
      "roles/secretmanager.admin",
      "roles/servicenetworking.networksAdmin",
      "roles/serviceusage.serviceUsageAdmin",
      "roles/storage.admin",
    ],
    local.kubernetes ? ["roles/container.clusterAdmin"] : [],
    local.airflow ? ["roles/composer.admin"] : [],
    local.billing_export == null ? [] : ["roles/bigquery.dataOwner"],
    local.kubernetes || local.airflow ? ["roles/iam.serviceAccountUser"] : [],
  ))

  granted_on_project = distinct(concat(
    tolist(local.client_roles), tolist(local.workload_roles), local.machine_roles, tolist(local.plan_roles),
  ))
}
