# What the YAML says, with defaults as in environments/model.py, and every name, computed once.

locals {
  cloud     = "aws"
  simulated = false # the offline provider's override says true

  _names       = yamldecode(file("${var.settings}/names.yaml"))
  _environment = yamldecode(file("${var.settings}/${var.environment}.yaml"))
  _aws         = local._environment.aws
  _files       = [for file in fileset("${var.settings}/teams", "*.yaml") : yamldecode(file("${var.settings}/teams/${file}"))]

  settings = {
    account_id          = local._aws.account_id
    alert_emails        = toset(try(local._aws.alert_emails, []))
    audit_key           = try(local._aws.audit_key, null)
    budget              = local._environment.budget
    budgets             = try(local._aws.budgets, true)
    client_principals   = try(local._aws.client_principals, [])
    cluster             = try(local._aws.cluster, null)
    github              = try(local._aws.github, null)
    mlflow_tracking_uri = try(local._aws.mlflow_tracking_uri, null)
    network = {
      cidr     = try(local._aws.network.cidr, null)
      existing = try(local._aws.network.existing, null)
      subnets  = try(local._aws.network.existing_subnets, [])
    }
    orchestrator  = local._aws.orchestrator
    prefix        = local._environment.prefix
    protected     = try(local._environment.protected, false)
    region        = local._aws.region
    retention     = local._environment.retention
    secrets       = try(local._aws.secrets, {})
    step_operator = try(local._aws.step_operator, null)
  }

  # An id or alias is of a key of this account; a policy cannot name an alias but as a condition.
  _keys = "arn:aws:kms:${local._aws.region}:${local._aws.account_id}:key"
  signing_key = local.settings.audit_key == null ? null : (
    can(regex("(^|:)alias/", local.settings.audit_key)) ? { arn = "${local._keys}/*", alias = regex("alias/.*$", local.settings.audit_key) } :
    startswith(local.settings.audit_key, "arn:") ? { arn = local.settings.audit_key, alias = null } :
    { arn = "${local._keys}/${local.settings.audit_key}", alias = null }
  )

  # Only dev may lose what it holds: its stores can be emptied to destroy them.
  disposable = var.environment == "dev" && !local.settings.protected

  # Of a network that is built, steps of a local orchestrator use nothing: no endpoint is paid for there.
  runs_in_network = local.settings.orchestrator != "local" || local.settings.step_operator != null

  # The platform's own stack stands beside those of the teams that have this environment.
  teams = merge(
    {
      for team in local._files : team.team => {
        budget      = team.environments[var.environment].budget
        cost_center = team.cost_center
        emails      = toset(team.owners)
        stack       = local._names.stack.cloud
      } if can(team.environments[var.environment])
    },
    {
      platform = {
        budget      = local._environment.budget.amount
        cost_center = local._environment.labels.cost_center
        emails      = local.settings.alert_emails
        stack       = local._names.stack.platform_cloud
      }
    },
  )

  _spelt = {
    for team, it in local.teams : team => {
      for key, pattern in {
        artifacts = local._names.artifact_store
        audit     = local._names.audit_store
        client    = local._names.identity.client
        log_group = local._names.log_group
        registry  = local._names.registry
        secret    = local._names.secret
        stack     = it.stack
        workload  = local._names.identity.workload
      } : key => replace(replace(replace(pattern, "{team}", team), "{environment}", var.environment), "{prefix}", local.settings.prefix)
    }
  }
  names = {
    for team, spelt in local._spelt : team => merge(spelt, {
      secrets = { for key, _ in local.settings.secrets : key => replace(spelt.secret, "{key}", key) }
    })
  }

  _platform_names = {
    for key, pattern in { access_logs = local._names.access_logs, ci = local._names.ci, state = local._names.state } :
    key => replace(replace(pattern, "{environment}", var.environment), "{prefix}", local.settings.prefix)
  }
  access_logs  = local._platform_names.access_logs
  state_bucket = local._platform_names.state
  ci_names     = { for key in ["apply", "plan"] : key => replace(local._platform_names.ci, "{key}", key) }

  labels = {
    for team, it in local.teams : team => merge(local._environment.labels, {
      cost_center = it.cost_center
      environment = var.environment
      managed_by  = "terraform"
      team        = team
      zenml_stack = local.names[team].stack
    })
  }
  # What a team's resources carry on top of the provider's default tags.
  tags = { for team, labels in local.labels : team => { for key in ["cost_center", "team", "zenml_stack"] : key => labels[key] } }
}
