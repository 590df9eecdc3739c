# Each service is a container of one image behind one name: ZenML's server, and a page for each tracker.

locals {
  _port = 8080
}

resource "google_cloud_run_v2_service" "this" {
  for_each             = var.services
  deletion_protection  = var.protected
  ingress              = "INGRESS_TRAFFIC_INTERNAL_ONLY" # the load balancer below, and networks of this project
  invoker_iam_disabled = true                            # the server asks for accounts of its own, which are no identities of Google's
  labels               = var.labels
  location             = var.location
  name                 = "${var.name}-${each.key}"
  project              = var.project_id

  template {
    encryption_key                   = var.kms_key
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    labels                           = var.labels
    max_instance_request_concurrency = 40 # of what the server's pool of threads takes
    service_account                  = var.service_account
    timeout                          = "600s"

    scaling {
      max_instance_count = var.replicas.most
      min_instance_count = var.replicas.least
    }

    vpc_access {
      egress = "ALL_TRAFFIC"
      network_interfaces {
        network    = var.network
        subnetwork = var.subnet
      }
    }

    containers {
      command = each.value.command
      image   = var.image

      dynamic "env" {
        for_each = merge(each.value.environment, local._database, {
          GOOGLE_CLOUD_PROJECT   = var.project_id
          GROUNDWORK_SERVER_PORT = tostring(local._port)
        })
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = each.value.secrets
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = env.value.name
              version = env.value.version
            }
          }
        }
      }

      ports {
        container_port = local._port
      }

      resources {
        cpu_idle          = false # it collects and answers events between requests too
        limits            = { cpu = each.value.cpu, memory = each.value.memory }
        startup_cpu_boost = true
      }

      # Four minutes, which is as long as Cloud Run waits: the first container brings the database up to date.
      startup_probe {
        failure_threshold = 24
        period_seconds    = 10
        timeout_seconds   = 5
        http_get {
          path = each.value.health_path
          port = local._port
        }
      }

      liveness_probe {
        failure_threshold = 3
        period_seconds    = 30
        timeout_seconds   = 10
        http_get {
          path = "/health"
          port = local._port
        }
      }
    }
  }

  traffic {
    percent = 100
    type    = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST" # a release that does not start gets none
  }
}
