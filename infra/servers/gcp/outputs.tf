output "protected" {
  description = "Whether this was last applied as protected: a destroy believes it, not the settings alone."
  value       = local.server.protected
}

output "server" {
  description = "Where the server is: its address, those of the trackers' pages by team and environment, what the names are to point to, the database, the secrets by reference."
  value = {
    simulated   = local.simulated
    environment = module.environment_guard.environment
    address     = "https://${local.server.domain}"
    trackers    = { for tracker in local.server.trackers : tracker => "https://${replace(tracker, "/", "-")}.${local.server.domain}" }
    balancer    = module.server.address
    database    = module.server.database
    secrets     = { for key, reference in local._reference : key => "${reference.name}/versions/${reference.version}" }
  }
}
