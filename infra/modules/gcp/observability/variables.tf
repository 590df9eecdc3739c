variable "filter" {
  description = "Which log entries are kept in the environment's own bucket."
  type        = string
  nullable    = false
  default     = "log_id(\"cloudaudit.googleapis.com/activity\") OR log_id(\"cloudaudit.googleapis.com/data_access\") OR resource.type=(\"aiplatform.googleapis.com/PipelineJob\" OR \"ml_job\" OR \"k8s_container\" OR \"cloud_composer_environment\" OR \"build\" OR \"cloud_run_revision\" OR \"cloudsql_database\" OR \"internal_http_lb_rule\")"
}

variable "kms_key" {
  description = "Key that encrypts budget messages."
  type        = string
  default     = null
}

variable "labels" {
  description = "Labels of the topic."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "location" {
  description = "Region that logs stay in."
  type        = string
}

variable "locked" {
  description = "Whether retention can never be shortened again, nor the bucket deleted before its logs are old."
  type        = bool
  nullable    = false
  default     = false
}

variable "name" {
  description = "Name of the log bucket, sink and topic."
  type        = string
}

variable "project_id" {
  description = "Project whose logs are kept."
  type        = string
}

variable "retention_days" {
  description = "Days that logs are kept."
  type        = number
  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 3650
    error_message = "Cloud Logging keeps logs for 1 to 3650 days; export them to the audit store to keep them longer."
  }
}
