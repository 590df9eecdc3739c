variable "appenders" {
  description = "Members that may add objects and neither read nor replace them, by a stable key."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "force_destroy" {
  description = "Whether destroying the bucket deletes the objects in it. True in dev only, and never of a locked one."
  type        = bool
  nullable    = false
  default     = false
}

variable "kms_key" {
  description = "Key that encrypts objects."
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

variable "noncurrent_days" {
  description = "Days until a replaced or deleted version of an object is gone for good."
  type        = number
  nullable    = false
  default     = 90
}

variable "project_id" {
  description = "Project that holds the bucket."
  type        = string
}

variable "readers" {
  description = "Members that may read, by a stable key."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "retention_days" {
  description = "Days for which no object can be changed or deleted, by a lock that can be raised, never lowered. Null: no lock, but versions and soft delete."
  type        = number
  default     = null
  validation {
    condition     = var.retention_days == null || try(var.retention_days >= 1 && var.retention_days <= 36500 && !var.force_destroy, false)
    error_message = "Cloud Storage retains for 1 day to 100 years, and force_destroy cannot empty what is locked."
  }
}

variable "soft_delete_days" {
  description = "Days that a deleted object can be restored: 7 to 90, or 0 to turn it off."
  type        = number
  nullable    = false
  default     = 7
  validation {
    condition     = var.soft_delete_days == 0 || (var.soft_delete_days >= 7 && var.soft_delete_days <= 90)
    error_message = "Soft delete keeps objects for 7 to 90 days; 0 turns it off."
  }
}

variable "writers" {
  description = "Members that may read and write, by a stable key."
  type        = map(string)
  nullable    = false
  default     = {}
}
