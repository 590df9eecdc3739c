variable "kms_key_arn" {
  description = "Key that encrypts logs."
  type        = string
}

variable "names" {
  description = "Names of the log groups, by a stable key."
  type        = map(string)
  nullable    = false
  validation {
    condition     = length(var.names) > 0
    error_message = "Give at least one log group."
  }
}

variable "retention_days" {
  description = "Days for which logs are kept at least; rounded up to what CloudWatch offers."
  type        = number
  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 3653
    error_message = "CloudWatch keeps logs from 1 to 3653 days. For longer, export them to a bucket."
  }
}

variable "tags" {
  description = "Tags of the log groups."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "writers" {
  description = "Names of roles that may write logs, by a stable key."
  type        = map(string)
  nullable    = false
  default     = {}
}
