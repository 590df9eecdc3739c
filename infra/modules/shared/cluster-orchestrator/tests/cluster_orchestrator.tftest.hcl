variables {
  labels    = { team = "oncology" }
  namespace = "acme-ml-oncology-dev"
}

run "pods_are_restricted" {
  command = plan

  assert {
    condition = alltrue([
      for kind in ["orchestrator_pod_settings", "pod_settings"] :
      output.configuration[kind].container_security_context.runAsNonRoot
    ])
    error_message = "A namespace that enforces Pod Security would refuse the pods."
  }
}

run "only_the_orchestrators_pod_asks_the_api_server" {
  command = plan

  assert {
    condition = (
      output.configuration.orchestrator_pod_settings.labels.part == "orchestrator" &&
      !contains(keys(output.configuration.pod_settings.labels), "part")
    )
    error_message = "The network lets pods with this label reach the API server."
  }
}

run "tokens_travel_as_secrets" {
  command = plan

  assert {
    condition     = output.configuration.pass_zenml_token_as_secret
    error_message = "A token would stand in clear in every pod."
  }
}
