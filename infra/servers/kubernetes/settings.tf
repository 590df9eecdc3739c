locals {
  simulated = false # the offline provider's override says true

  server = yamldecode(file("${var.settings}/server.yaml"))
}
