mock_provider "google" {}

variables {
  certificate     = "projects/acme-ml-production/locations/europe-west1/certificates/zenml"
  domain          = "zenml.acme.example"
  image           = "europe-west1-docker.pkg.dev/acme-ml-production/platform-production/server@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  kms_key         = "projects/acme-ml-production/locations/europe-west1/keyRings/server-production/cryptoKeys/server"
  location        = "europe-west1"
  name            = "server-production"
  network         = "projects/acme-ml-production/global/networks/server-production"
  project_id      = "acme-ml-production"
  proxy_cidr      = "10.30.16.0/23"
  replicas        = { least = 2, most = 6 }
  service_account = "server-production-task@acme-ml-production.iam.gserviceaccount.com"
  subnet          = "projects/acme-ml-production/regions/europe-west1/subnetworks/server-production-private"
  database = {
    backup_days      = 35
    password_version = 1
    storage_gb       = 50
    tier             = "db-custom-2-8192"
    version          = "8.4"
  }
  services = {
    zenml = {
      command     = ["python", "-m", "governance.server.container", "zenml"]
      environment = {}
      health_path = "/ready"
      host        = "zenml.acme.example"
      secrets     = { GROUNDWORK_DATABASE_PASSWORD = { name = "server-production-database-password", version = "1" } }
    }
  }
  database_password = "correct-horse"
}

run "kept_and_private" {
  command = plan
  assert {
    condition     = google_sql_database_instance.this.settings[0].availability_type == "REGIONAL" && !google_sql_database_instance.this.settings[0].ip_configuration[0].ipv4_enabled
    error_message = "The database is in two zones, and private."
  }
  assert {
    condition     = google_sql_database_instance.this.settings[0].ip_configuration[0].ssl_mode == "ENCRYPTED_ONLY" && google_sql_database_instance.this.encryption_key_name == var.kms_key
    error_message = "The database takes no connection without TLS, and is encrypted with the key."
  }
  assert {
    condition     = google_sql_database_instance.this.settings[0].password_validation_policy[0].enable_password_policy && google_sql_database_instance.this.settings[0].password_validation_policy[0].min_length >= 16
    error_message = "A password that nobody gave is refused."
  }
  assert {
    condition     = google_sql_database_instance.this.deletion_protection && google_sql_database_instance.this.settings[0].deletion_protection_enabled && google_cloud_run_v2_service.this["zenml"].deletion_protection
    error_message = "Nothing is deleted by accident, neither by Terraform nor beside it."
  }
  assert {
    condition     = google_cloud_run_v2_service.this["zenml"].ingress == "INGRESS_TRAFFIC_INTERNAL_ONLY" && google_compute_forwarding_rule.this.load_balancing_scheme == "INTERNAL_MANAGED"
    error_message = "The way in is private."
  }
  assert {
    condition     = google_compute_region_ssl_policy.this.min_tls_version == "TLS_1_2" && google_compute_forwarding_rule.this.port_range == "443"
    error_message = "The way in is by TLS alone."
  }
}

run "returns_to_a_minute_of_as_many_days_as_the_edition_has" {
  command = plan
  assert {
    condition     = google_sql_database_instance.this.settings[0].backup_configuration[0].transaction_log_retention_days == 7 && google_sql_database_instance.this.settings[0].edition == "ENTERPRISE"
    error_message = "Seven days are as long as this edition goes back."
  }
  assert {
    condition     = google_sql_database_instance.this.settings[0].backup_configuration[0].backup_retention_settings[0].retained_backups == 35
    error_message = "Backups are kept as long as they are to be."
  }
}

run "returns_to_a_minute_of_more_days_in_the_larger_edition" {
  command = plan
  variables {
    database = { backup_days = 35, password_version = 1, storage_gb = 50, tier = "db-perf-optimized-N-2", version = "8.4" }
  }
  assert {
    condition     = google_sql_database_instance.this.settings[0].backup_configuration[0].transaction_log_retention_days == 35 && google_sql_database_instance.this.settings[0].edition == "ENTERPRISE_PLUS"
    error_message = "The larger edition goes back as far as backups do."
  }
}

run "two_of_each" {
  command = plan
  assert {
    condition     = google_cloud_run_v2_service.this["zenml"].template[0].scaling[0].min_instance_count == 2 && !google_cloud_run_v2_service.this["zenml"].template[0].containers[0].resources[0].cpu_idle
    error_message = "One of two can go, and both are awake."
  }
  assert {
    condition     = one([for it in google_cloud_run_v2_service.this["zenml"].template[0].containers[0].env : it.value_source[0].secret_key_ref[0].secret if it.name == "GROUNDWORK_DATABASE_PASSWORD"]) == "server-production-database-password"
    error_message = "Secrets are references."
  }
}

run "proxies_that_are_there" {
  command = plan
  variables {
    proxy_cidr = null
  }
  assert {
    condition     = length(google_compute_subnetwork.proxies) == 0
    error_message = "A network has one range of proxies in a region."
  }
}

run "let_go" {
  command = plan
  variables {
    protected = false
  }
  assert {
    condition     = !google_sql_database_instance.this.deletion_protection && !google_sql_database_instance.this.settings[0].deletion_protection_enabled && !google_cloud_run_v2_service.this["zenml"].deletion_protection
    error_message = "What is not protected can be deleted."
  }
}

run "refuses_one_replica" {
  command = plan
  variables {
    replicas = { least = 1, most = 6 }
  }
  expect_failures = [var.replicas]
}

run "refuses_an_image_that_can_move" {
  command = plan
  variables {
    image = "europe-west1-docker.pkg.dev/acme-ml-production/platform-production/server:latest"
  }
  expect_failures = [var.image]
}

run "refuses_a_global_certificate" {
  command = plan
  variables {
    certificate = "projects/acme-ml-production/locations/global/certificates/zenml"
  }
  expect_failures = [var.certificate]
}
