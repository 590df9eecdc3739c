variable "creators" {
  description = "Members that make or change the view, by a stable key: they are let read the export's dataset."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "export_table" {
  description = "Table of the standard usage cost export, as project.dataset.table. The export is switched on in the billing console."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]\\.[A-Za-z0-9_]+\\.gcp_billing_export_v1_[0-9A-F]{6}_[0-9A-F]{6}_[0-9A-F]{6}$", var.export_table))
    error_message = "export_table is project.dataset.gcp_billing_export_v1_XXXXXX_XXXXXX_XXXXXX."
  }
}

variable "kms_key" {
  description = "Key that encrypts the dataset, in the same location; BigQuery's agent must be granted it. None: Google's own."
  type        = string
  default     = null
}

variable "labels" {
  description = "Labels of the dataset and the view."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "location" {
  description = "Location of the export's dataset: a view is in the same one as what it shows."
  type        = string
}

variable "project_id" {
  description = "Project that holds the view, and the only one whose cost it shows."
  type        = string
}

variable "readers" {
  description = "Members that may read the view, by a stable name. They need to read the export's dataset too, or authorise the view there."
  type        = map(string)
  nullable    = false
  default     = {}
}
