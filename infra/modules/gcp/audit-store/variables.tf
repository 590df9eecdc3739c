variable "appenders" {
  description = "Members that may add records, by a stable key."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "kms_key" {
  description = "Key that encrypts records."
  type        = string
}

variable "labels" {
  description = "Labels of the bucket."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "location" {
  description = "Region of the bucket, the same as its key's."
  type        = string
}

variable "name" {
  description = "Name of the bucket, unique in the world."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]$", var.name))
    error_message = "A bucket's name has 3 to 63 lower-case letters, digits, hyphens and underscores."
  }
}

variable "project_id" {
  description = "Project that holds the bucket."
  type        = string
}

variable "readers" {
  description = "Members that may read records, by a stable key."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "retention_days" {
  description = "Days that a record can neither be changed nor deleted. It can be raised, never lowered."
  type        = number
  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 36500
    error_message = "Cloud Storage retains for 1 day to 100 years."
  }
}
