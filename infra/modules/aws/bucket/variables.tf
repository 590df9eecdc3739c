variable "access_log" {
  description = "Where access logs go: name of the bucket. Null: no access logs."
  type        = object({ bucket = string })
  default     = null
}

variable "encryption_key" {
  description = "Key that encrypts objects. Null: S3's own key, which is all that an access log target accepts."
  type        = object({ arn = string })
  default     = null
}

variable "force_destroy" {
  description = "Whether destroying the bucket deletes the objects in it."
  type        = bool
  nullable    = false
  default     = false
}

variable "lifecycle_days" {
  description = "Days until noncurrent versions, and current objects, are deleted. Null: never."
  type = object({
    noncurrent = optional(number)
    expire     = optional(number)
  })
  nullable = false
  default  = { noncurrent = 90 }
}

variable "name" {
  description = "Name of the bucket, unique in the world."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "A bucket name has 3 to 63 lower-case letters, digits and inner hyphens. Shorten the prefix, team or environment."
  }
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

variable "policy_documents" {
  description = "Further statements of the bucket policy, each a policy document in JSON."
  type        = list(string)
  nullable    = false
  default     = []
}

variable "tags" {
  description = "Tags of the bucket."
  type        = map(string)
  nullable    = false
  default     = {}
}
