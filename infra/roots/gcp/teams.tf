# What each team has, and the platform beside them.

locals {
  # Jobs of the GitHub environment register stacks and start pipelines as the team's client.
  federated = local.gcp.github == null ? {} : {
    github = "principalSet://iam.googleapis.com/${module.github[0].pool}/attribute.environment/${var.environment}"
  }

  # Composer runs every team's pods as one account, so that one has to reach what the pods read and write.
  pods = local.airflow ? { airflow = module.airflow[0].member } : {}

  # Nodes pull the images of every team's pods.
  nodes = local.kubernetes ? { nodes = module.kubernetes[0].nodes } : {}

  # The environment's own log is the platform's, to which every team's runs append, and whoever appends signs.
  clients = { for team, identity in module.identity : "${team}/client" => identity.client.member }
  runs = merge(local.pods, local.clients, {
    for team, identity in module.identity : "${team}/workload" => identity.workload.member
  })
  auditors = { for member in local.gcp.auditors : member => member }

  # What the shared server refuses is written into the log of the environment that it stands in.
  server = { for name, account in google_service_account.server : name => account.member }

  # Whoever promotes or reconciles in another environment that the settings name, and the shared server if it stands there,
  # reads this one's log, and no more.
  foreign_readers = merge([
    for name, other in module.settings.audit_readers : {
      for key, account in merge({ for team, client in other.clients : "${name}/${team}" => client }, other.workflow == null ? {} : { "${name}/workflow" = other.workflow }, other.server == null ? {} : { "${name}/server" = other.server }) :
      key => "serviceAccount:${account}@${other.cloud.project_id}.iam.gserviceaccount.com"
    }
  ]...)
}

# Here and not beside the server, since a log of another environment can be opened only to an account that exists.
resource "google_service_account" "server" {
  for_each     = local.serves ? toset(["server"]) : toset([])
  account_id   = module.settings.server
  description  = "What containers of the shared server run as."
  display_name = module.settings.server
  project      = module.project.id
}

module "identity" {
  source     = "../../modules/gcp/identity"
  for_each   = local.teams
  name       = "${each.key} in ${var.environment}"
  project_id = module.project.id
  client = {
    account_id       = each.value.names.client
    acts_as_workload = local.images
    federated        = local.federated
    impersonators    = { for principal in local.gcp.client_principals : principal => principal }
    roles            = local.client_roles
  }
  workload = {
    account_id = each.value.names.workload
    kubernetes = !local.kubernetes ? {} : {
      for account in module.cluster_orchestrator[each.key].accounts :
      account => "serviceAccount:${module.kubernetes[0].workload_pool}[${each.value.names.namespace}/${account}]"
    }
    roles = local.workload_roles
  }
}

module "artifact_store" {
  source        = "../../modules/gcp/bucket"
  for_each      = local.teams
  force_destroy = !local.settings.protected && var.environment == "dev"
  kms_key       = module.kms.keys[each.key]
  labels        = each.value.own_labels
  location      = local.gcp.region
  name          = each.value.names.artifact_store
  project_id    = module.project.id
  writers       = merge(local.pods, { client = module.identity[each.key].client.member, workload = module.identity[each.key].workload.member })
}

module "container_registry" {
  source     = "../../modules/gcp/container-registry"
  for_each   = local.teams
  kms_key    = module.kms.keys[each.key]
  labels     = each.value.own_labels
  location   = local.gcp.region
  name       = each.value.names.registry
  project_id = module.project.id
  readers    = merge(local.nodes, local.pods, { workload = module.identity[each.key].workload.member })
  writers    = { client = module.identity[each.key].client.member }
}

module "secrets" {
  source     = "../../modules/gcp/secrets"
  for_each   = local.teams
  kms_key    = module.kms.keys[each.key]
  labels     = each.value.own_labels
  location   = local.gcp.region
  project_id = module.project.id
  protected  = local.settings.protected
  readers    = { client = module.identity[each.key].client.member, workload = module.identity[each.key].workload.member }
  secrets    = { for key, version in local.gcp.secrets : key => { name = each.value.names.secrets[key], version = version } }
  values     = lookup(var.secret_values, each.key, {})
}

module "team_budget" {
  source          = "../../modules/gcp/budget"
  for_each        = { for team, about in local.teams : team => about if local.gcp.budgets && team != "platform" }
  alert_at        = local.settings.budget.alert_at
  amount          = each.value.budget
  billing_account = local.gcp.billing_account
  channels        = [for owner in each.value.owners : module.alerts[each.key].channels[owner]]
  currency        = local.settings.budget.currency
  label           = { team = each.key }
  name            = each.value.names.stack
  project_number  = module.project.number
  topic           = module.observability.topic
}

# Who is alerted of what. Each team has policies of its own, so that one more team changes nobody else's.
locals {
  # Entries of Vertex AI name no team, so every team hears of each failed run in the environment.
  pipeline_failed = {
    documentation = "A Vertex AI pipeline or job failed. Its log names the step; the ZenML dashboard shows the run."
    filter        = "resource.type=(\"aiplatform.googleapis.com/PipelineJob\" OR \"ml_job\") AND severity>=ERROR"
    severity      = "ERROR"
  }

  access_changed = merge(
    { for team in keys(local.teams) : team => {
      documentation = "Somebody changed who may use what is the team's. Compare with the last apply."
      filter = join(" AND ", [
        "log_id(\"cloudaudit.googleapis.com/activity\")",
        "protoPayload.methodName=~\"(?i)setIam(Policy|Permissions)$\"",
        "(protoPayload.resourceName=~\"/(${join("|", local.watched[team])})$\" OR resource.labels.email_id=~\"^(${local.teams[team].names.client}|${local.teams[team].names.workload})@\")",
      ])
    } },
    { platform = {
      documentation = "Somebody changed who may do what in this project. Compare with the last apply."
      filter = join(" AND ", [
        "log_id(\"cloudaudit.googleapis.com/activity\")",
        "(protoPayload.methodName=\"SetIamPolicy\" OR (protoPayload.methodName=~\"(?i)setIam(Policy|Permissions)$\" AND protoPayload.resourceName=~\"/(buckets/${local.names.audit_store}|cryptoKeys/${local.names.audit_key})$\"))",
      ])
    } },
  )

  # Ends of the resource names that audit logs give to what is a team's.
  watched = { for team, about in local.teams : team => concat(
    [
      "buckets/${about.names.artifact_store}",
      "cryptoKeys/${team}",
      "repositories/${about.names.registry}",
    ],
    [for name in values(about.names.secrets) : "secrets/${name}"],
  ) }
}

module "alerts" {
  source     = "../../modules/gcp/alerts"
  for_each   = local.teams
  alerts     = { "access changed" = local.access_changed[each.key], "pipeline failed" = local.pipeline_failed }
  emails     = { for email in distinct(each.value.owners) : email => email }
  labels     = each.value.own_labels
  name       = each.key == "platform" ? local.names.base : each.value.names.stack
  project_id = module.project.id
}
