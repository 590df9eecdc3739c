# Every cloud reads the settings here, so that a default is filled in, a name spelt and a label added in one place.

locals {
  _defaults = jsondecode(file("${path.module}/defaults.json")) # of environments/model.py, written by `make schema`
  _names    = yamldecode(file("${var.settings}/names.yaml"))
  _file     = yamldecode(file("${var.settings}/${var.environment}.yaml"))
  _files    = [for file in fileset("${var.settings}/teams", "*.yaml") : yamldecode(file("${var.settings}/teams/${file}"))]

  environment = {
    audit     = merge(local._defaults.audit, try(local._file.audit, {}))
    budget    = merge(local._defaults.budget, local._file.budget)
    labels    = local._file.labels
    prefix    = local._file.prefix
    protected = try(local._file.protected, local._defaults.protected)
    retention = local._file.retention
  }

  # A part such as the network has defaults of its own for what it leaves out.
  cloud = {
    for key, value in merge(try(local._defaults.clouds[var.cloud], {}), try(local._file[var.cloud], {})) :
    key => value == null ? null : try(merge(local._defaults.parts[key], value), value)
  }

  # The platform's own stack stands beside those of the teams that have this environment.
  _teams = merge(
    { for team in local._files : team.team => {
      budget      = team.environments[var.environment].budget
      cost_center = team.cost_center
      owners      = team.owners
    } if can(team.environments[var.environment]) },
    { platform = {
      budget      = local.environment.budget.amount
      cost_center = local.environment.labels.cost_center
      owners      = try(local.cloud.alert_emails, [])
    } },
  )

  _where = var.cloud == "local" ? "local" : "cloud"
  _patterns = {
    artifact_store = local._names.artifact_store
    client         = local._names.identity.client
    folder         = local._names.folder
    log_group      = local._names.log_group
    namespace      = local._names.namespace
    registry       = local._names.registry
    workload       = local._names.identity.workload
  }
  _shared = {
    access_logs = local._names.access_logs
    audit_key   = local._names.audit_key
    audit_store = local._names.audit_store
    base        = local._names.base
    state       = local._names.state
  }
  _spelling = { environment = var.environment, prefix = local.environment.prefix }

  names = merge(
    { for key, pattern in local._shared : key => templatestring(pattern, merge(local._spelling, { team = "platform" })) },
    {
      identities = {
        for key in ["airflow", "apply", "nodes", "plan"] :
        key => templatestring(local._names.ci, merge(local._spelling, { key = key }))
      }
      network_log_group = templatestring(local._names.log_group, merge(local._spelling, { team = "network" }))
    },
  )
  _team_names = {
    for team in keys(local._teams) : team => merge(
      {
        for key, pattern in merge(local._patterns, { stack = local._names.stack["${team == "platform" ? "platform_" : ""}${local._where}"] }) :
        key => templatestring(pattern, merge(local._spelling, { team = team }))
      },
      {
        secrets = {
          for key in keys(try(local.cloud.secrets, {})) :
          key => templatestring(local._names.secret, merge(local._spelling, { key = key, team = team }))
        }
      },
    )
  }

  # The environment that the shared server stands in on this cloud, which reads what was applied to every one.
  _server_file = fileexists("${var.settings}/server.yaml") ? yamldecode(file("${var.settings}/server.yaml")) : null
  _server      = can(local._server_file[var.cloud]) ? local._server_file.stands_in : null
  server       = local._server == var.environment ? "server-${var.environment}-task" : null

  # Other environments on this cloud, as far as logs are read across: who reads ours, and whose we read.
  _others = {
    for file in fileset(var.settings, "*.yaml") : trimsuffix(file, ".yaml") => yamldecode(file("${var.settings}/${file}"))
    if can(yamldecode(file("${var.settings}/${file}"))[var.cloud]) && !contains(["server.yaml", "${var.environment}.yaml"], file)
  }
  audit_readers = {
    for name, other in local._others : name => {
      cloud = other[var.cloud]
      clients = {
        for team in concat([for about in local._files : about.team if can(about.environments[name])], ["platform"]) :
        team => templatestring(local._names.identity.client, { environment = name, prefix = other.prefix, team = team })
      }
      workflow = try(other[var.cloud].github, null) == null ? null : (
        templatestring(local._names.ci, { environment = name, key = "apply", prefix = other.prefix })
      )
      server = local._server == name ? "server-${name}-task" : null # of modules/<cloud>/server
    } if contains(local.environment.audit.readers, name)
  }
  audit_sources = {
    for name, other in local._others : name => {
      cloud       = other[var.cloud]
      audit_store = templatestring(local._names.audit_store, { environment = name, prefix = other.prefix, team = "platform" })
    } if try(contains(other.audit.readers, var.environment), false)
  }

  labels = merge(local.environment.labels, { environment = var.environment, managed_by = "terraform" })
  _own_labels = {
    for team, about in local._teams : team => {
      cost_center = about.cost_center
      team        = team
      zenml_stack = local._team_names[team].stack
    }
  }

  teams = {
    for team, about in local._teams : team => merge(about, {
      labels     = merge(local.labels, local._own_labels[team])
      names      = local._team_names[team]
      own_labels = local._own_labels[team]
    })
  }
}
