# What the settings files say, and every name that follows from it.
locals {
  cloud     = "gcp"
  simulated = false # an offline run overrides this

  settings = yamldecode(file("${var.settings}/${var.environment}.yaml"))
  names    = yamldecode(file("${var.settings}/names.yaml"))

  # What the file leaves out has the default of environments/model.py.
  gcp = merge({
    alert_emails        = []
    auditors            = []
    budgets             = true
    client_principals   = []
    create_project      = true
    github              = null
    mlflow_tracking_uri = null
    network             = {}
    oidc_token_file     = null
    secrets             = {}
    step_operator       = null
  }, local.settings.gcp)
  network   = merge({ cidr = "10.20.0.0/20", existing = null, existing_subnets = [] }, local.gcp.network)
  protected = try(local.settings.protected, false)
  alert_at  = try(local.settings.budget.alert_at, [0.5, 0.8, 1.0])

  team_files = [for name in fileset("${var.settings}/teams", "*.yaml") : yamldecode(file("${var.settings}/teams/${name}"))]
  here       = { for team in local.team_files : team.team => team if contains(keys(team.environments), var.environment) }

  # The platform's own stack stands beside the teams'.
  teams = merge(
    { for name, team in local.here : name => {
      budget      = team.environments[var.environment].budget
      cost_center = team.cost_center
      owners      = team.owners
    } },
    { platform = {
      budget      = local.settings.budget.amount
      cost_center = local.settings.labels.cost_center
      owners      = local.gcp.alert_emails
    } },
  )

  labels = merge(local.settings.labels, { environment = var.environment, managed_by = "terraform" })

  name = { for team in keys(local.teams) : team => {
    artifact_store = replace(replace(replace(local.names.artifact_store, "{prefix}", local.settings.prefix), "{team}", team), "{environment}", var.environment)
    audit_store    = replace(replace(replace(local.names.audit_store, "{prefix}", local.settings.prefix), "{team}", team), "{environment}", var.environment)
    client         = replace(replace(local.names.identity.client, "{team}", team), "{environment}", var.environment)
    registry       = replace(replace(local.names.registry, "{team}", team), "{environment}", var.environment)
    secret         = replace(replace(local.names.secret, "{team}", team), "{environment}", var.environment)
    stack          = replace(replace(team == "platform" ? local.names.stack.platform_cloud : local.names.stack.cloud, "{team}", team), "{environment}", var.environment)
    workload       = replace(replace(local.names.identity.workload, "{team}", team), "{environment}", var.environment)
  } }

  # Things there is one of in an environment: network, key ring, log bucket, cluster.
  audit_key = replace(local.names.audit_key, "{environment}", var.environment)
  base      = replace(replace(local.names.base, "{prefix}", local.settings.prefix), "{environment}", var.environment)
  identity  = { for key in ["plan", "apply", "nodes", "airflow"] : key => replace(replace(local.names.ci, "{environment}", var.environment), "{key}", key) }
  state     = replace(replace(local.names.state, "{prefix}", local.settings.prefix), "{environment}", var.environment)

  team_labels = { for team, about in local.teams : team => {
    cost_center = about.cost_center
    team        = team
    zenml_stack = local.name[team].stack
  } }
}
