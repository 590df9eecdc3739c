variable "access_log" {
  description = "Where access logs go: name of the bucket. Null: no access logs."
  type        = object({ bucket = string })
  default     = null
}

variable "appenders" {
  description = "Names of roles that may read and append, by a stable key."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "foreign" {
  description = "Roles of other accounts that may read and do no more, by a key of letters and digits."
  type        = map(object({ account_id = string, roles = list(string) }))
  nullable    = false
  default     = {}
}

variable "kms_key_arn" {
  description = "Key that encrypts events."
  type        = string
}

variable "minimum_days" {
  description = "Shortest retention that an event may ask for itself."
  type        = number
  validation {
    condition     = var.minimum_days >= 1 && var.minimum_days <= var.retention_days
    error_message = "minimum_days must be from 1 to retention_days."
  }
}

variable "name" {
  description = "Name of the bucket, unique in the world."
  type        = string
}

variable "readers" {
  description = "Names of roles that may read, by a stable key."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "retention_days" {
  description = "Days for which nobody, whatever their rights, can change or delete an event that asks for no retention itself."
  type        = number
  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 36500
    error_message = "retention_days must be from 1 to 36500."
  }
}

variable "signing_key" {
  description = "Key that signs the log, made outside: its ARN, or any key of the account by an alias. Null: a key file."
  type        = object({ arn = string, alias = optional(string) })
  default     = null
}

variable "tags" {
  description = "Tags of the bucket."
  type        = map(string)
  nullable    = false
  default     = {}
}
