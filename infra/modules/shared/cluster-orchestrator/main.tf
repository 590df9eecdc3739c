locals {
  accounts = { orchestrator = "workload", step = "step" } # as stack_bootstrap/cluster/rights.py names them

  # What Pod Security's `restricted` asks of a container; nothing at the level of the pod, which ZenML would drop.
  _restricted = {
    container_security_context = {
      allowPrivilegeEscalation = false
      capabilities             = { drop = ["ALL"] }
      privileged               = false
      runAsNonRoot             = true
      seccompProfile           = { type = "RuntimeDefault" }
    }
  }
  _asks_api_server = { part = "orchestrator" } # the network lets no other pod
}
