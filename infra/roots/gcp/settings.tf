module "settings" {
  source      = "../../modules/shared/settings"
  cloud       = "gcp"
  environment = var.environment
  settings    = var.settings
}

locals {
  simulated = false # the offline provider's override says true

  gcp      = module.settings.cloud
  names    = module.settings.names
  settings = module.settings.environment
  teams    = module.settings.teams

  vertex     = local.gcp.orchestrator == "vertex"
  kubernetes = local.gcp.orchestrator == "kubernetes"
  airflow    = local.gcp.orchestrator == "airflow"
  remote     = local.gcp.orchestrator != "local"
  uses_jobs  = local.vertex || local.gcp.step_operator == "vertex"
  images     = local.remote || local.uses_jobs
  serves     = module.settings.server != null # the shared server is planned and applied by the same workflows
}

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

  plan_roles = toset(["roles/browser", "roles/iam.securityReviewer"])

  # What refreshing the resources of this root reads: how things are set up, never what a bucket, an image, a log or a
  # secret holds. Any ref of the repository may be the plan identity.
  plan_permissions = concat(local._plan_permissions, !local.serves ? [] : [
    "cloudsql.instances.get",
    "cloudsql.users.get",
    "cloudsql.users.list",
    "compute.addresses.get",
    "compute.forwardingRules.get",
    "compute.regionBackendServices.get",
    "compute.regionNetworkEndpointGroups.get",
    "compute.regionSslPolicies.get",
    "compute.regionTargetHttpsProxies.get",
    "compute.regionUrlMaps.get",
    "run.services.get",
  ])
  _plan_permissions = [
    "artifactregistry.repositories.get",
    "bigquery.datasets.get",
    "bigquery.tables.get",
    "cloudkms.cryptoKeyVersions.get",
    "cloudkms.cryptoKeyVersions.list",
    "cloudkms.cryptoKeys.get",
    "cloudkms.keyRings.get",
    "composer.environments.get",
    "compute.firewalls.get",
    "compute.globalAddresses.get",
    "compute.networks.get",
    "compute.networks.list",
    "compute.routers.get",
    "compute.subnetworks.get",
    "container.clusters.get",
    "dns.managedZones.get",
    "dns.resourceRecordSets.get",
    "dns.resourceRecordSets.list",
    "iam.roles.get",
    "iam.serviceAccounts.get",
    "iam.workloadIdentityPoolProviders.get",
    "iam.workloadIdentityPools.get",
    "logging.buckets.get",
    "logging.sinks.get",
    "monitoring.alertPolicies.get",
    "monitoring.notificationChannels.get",
    "pubsub.topics.get",
    "secretmanager.secrets.get",
    "secretmanager.versions.get",
    "servicenetworking.services.get",
    "serviceusage.services.get",
    "serviceusage.services.list",
    "storage.buckets.get",
  ]

  apply_permissions = concat(
    ["iam.roles.get"],
    local.gcp.create_project ? ["resourcemanager.projects.update"] : [],
  )

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
    local.gcp.billing_export == null ? [] : ["roles/bigquery.dataOwner"],
    local.kubernetes || local.airflow || local.serves ? ["roles/iam.serviceAccountUser"] : [],
    local.serves ? ["roles/cloudsql.admin", "roles/compute.loadBalancerAdmin", "roles/run.admin"] : [],
  ))

  # What workflows themselves may do is changed by a person: these are the roles of everybody else.
  granted_on_project = distinct(concat(tolist(local.client_roles), tolist(local.workload_roles), local.machine_roles))
}
