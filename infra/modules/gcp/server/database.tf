# One MySQL for the server and the trackers, each with a database of its own in it.

locals {
  _database = {
    GROUNDWORK_DATABASE_HOST = google_sql_database_instance.this.private_ip_address
    GROUNDWORK_DATABASE_PORT = "3306"
    GROUNDWORK_DATABASE_USER = google_sql_user.this.name
  }
  _plus = startswith(var.database.tier, "db-perf-optimized-")
}

resource "google_sql_database_instance" "this" {
  database_version    = "MYSQL_${replace(var.database.version, ".", "_")}"
  deletion_protection = var.protected
  encryption_key_name = var.kms_key
  name                = var.name
  project             = var.project_id
  region              = var.location

  settings {
    availability_type           = "REGIONAL" # a second one in another zone takes over
    deletion_protection_enabled = var.protected
    disk_autoresize             = true
    disk_autoresize_limit       = var.database.storage_gb * 4
    disk_size                   = var.database.storage_gb
    disk_type                   = "PD_SSD"
    edition                     = local._plus ? "ENTERPRISE_PLUS" : "ENTERPRISE"
    retain_backups_on_delete    = true
    tier                        = var.database.tier
    user_labels                 = var.labels

    backup_configuration {
      binary_log_enabled             = true # returns to any minute, and feeds the second zone
      enabled                        = true
      location                       = var.location
      start_time                     = "01:00"
      transaction_log_retention_days = min(var.database.backup_days, local._plus ? 35 : 7) # which is as long as it can be

      backup_retention_settings {
        retained_backups = var.database.backup_days
        retention_unit   = "COUNT"
      }
    }

    dynamic "database_flags" {
      for_each = { local_infile = "off", log_output = "FILE", skip_show_database = "on", slow_query_log = "on" }
      content {
        name  = database_flags.key
        value = database_flags.value
      }
    }

    insights_config {
      query_insights_enabled = true
    }

    ip_configuration {
      ipv4_enabled    = false
      private_network = var.network
      ssl_mode        = "ENCRYPTED_ONLY"
    }

    maintenance_window {
      day          = 7 # Sunday
      hour         = 2
      update_track = "stable"
    }

    # Where no password is given for a new one, the empty one is refused by this.
    password_validation_policy {
      disallow_username_substring = true
      enable_password_policy      = true
      min_length                  = 16
    }
  }
}

# Its password is write-only: it reaches the provider, and neither plan nor state.
resource "google_sql_user" "this" {
  deletion_policy     = "ABANDON" # who made databases cannot be deleted before them; the user goes with the instance
  host                = "%"
  instance            = google_sql_database_instance.this.name
  name                = "groundwork"
  password_wo         = var.database_password
  password_wo_version = var.database.password_version
  project             = var.project_id
}
