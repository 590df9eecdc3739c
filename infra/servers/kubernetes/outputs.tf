output "protected" {
  description = "Whether this was last applied as protected: a destroy believes it, not the settings alone."
  value       = try(local.server.protected, true)
}

output "server" {
  description = "Where the server is: its address, those of the trackers' pages by team and environment, the database."
  value = {
    simulated   = local.simulated
    environment = module.environment_guard.environment
    stands_in   = var.stands_in
    address     = "https://${local.server.domain}"
    trackers    = { for tracker in try(local.server.trackers, []) : tracker => "https://${replace(tracker, "/", "-")}.${local.server.domain}" }
    database    = local.server.kubernetes.database.host
  }
}
