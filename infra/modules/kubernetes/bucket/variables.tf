variable "force_destroy" {
  description = "Whether destroying the bucket deletes the objects in it."
  type        = bool
  nullable    = false
  default     = false
}

variable "name" {
  description = "Name of the bucket, unique in the store."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "A bucket name has 3 to 63 lower-case letters, digits and inner hyphens. Shorten the prefix, team or environment."
  }
}

variable "noncurrent_days" {
  description = "Days until replaced versions are deleted. Null: never."
  type        = number
  default     = 90
}

variable "object_lock_days" {
  description = "Days for which every object is locked in COMPLIANCE mode. Null: no lock."
  type        = number
  default     = null
  validation {
    condition     = var.object_lock_days == null || try(var.object_lock_days >= 1 && var.object_lock_days <= 36500, false)
    error_message = "object_lock_days must be from 1 to 36500."
  }
}

variable "tags" {
  description = "Tags of the bucket."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "tls_only" {
  description = "Whether access without TLS is denied. False where the store itself has no TLS."
  type        = bool
  nullable    = false
  default     = true
}
