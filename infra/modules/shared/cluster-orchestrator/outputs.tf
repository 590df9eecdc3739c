output "accounts" {
  description = "Service accounts that pods run as: the orchestrator's and the steps'."
  value       = local.accounts
}

output "configuration" {
  description = "Configuration of ZenML's kubernetes orchestrator."
  value = {
    incluster                     = var.incluster
    job_monitoring_interval       = 0.5 # seconds; ZenML's own 3 cost a training of eight steps 13 more
    kubernetes_context            = var.context
    kubernetes_namespace          = var.namespace
    orchestrator_pod_settings     = merge(local._restricted, { labels = merge(var.labels, local._asks_api_server) })
    pass_zenml_token_as_secret    = true
    pod_settings                  = merge(local._restricted, { labels = var.labels })
    service_account_name          = local.accounts.orchestrator
    skip_local_validations        = !var.validate_locally
    step_pod_service_account_name = local.accounts.step
  }
}
