variable "kms_key_arn" {
  description = "Key that encrypts secrets."
  type        = string
}

variable "readers" {
  description = "Names of roles that may read the values, by a stable key."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "recovery_days" {
  description = "Days for which a deleted secret can be restored. 0: gone at once."
  type        = number
  nullable    = false
  default     = 30
  validation {
    condition     = var.recovery_days == 0 || (var.recovery_days >= 7 && var.recovery_days <= 30)
    error_message = "recovery_days must be 0 or from 7 to 30."
  }
}

variable "secrets" {
  description = "Version of each secret, by name. 0: the secret is made empty. A raised version writes the value anew."
  type        = map(number)
  nullable    = false
  default     = {}
  validation {
    condition     = alltrue([for name, version in var.secrets : version >= 0 && floor(version) == version])
    error_message = "The version of a secret is a whole number from 0."
  }
}

variable "tags" {
  description = "Tags of the secrets."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "values" {
  description = "Values by name of the secret; needed in the run that raises a version, and only then."
  type        = map(string)
  nullable    = false
  default     = {}
  ephemeral   = true
  sensitive   = true
}
