variable "bucket_readers" {
  description = "Roles of other accounts that may decrypt what one bucket holds, by a key of letters and digits."
  type        = map(object({ account_id = string, bucket = string, roles = list(string) }))
  nullable    = false
  default     = {}
}

variable "description" {
  description = "What the key encrypts."
  type        = string
}

variable "logs_region" {
  description = "Region whose CloudWatch Logs may use the key. Null: none."
  type        = string
  default     = null
}

variable "name" {
  description = "Alias of the key, without the leading alias/."
  type        = string
  validation {
    condition     = can(regex("^[A-Za-z0-9/_-]+$", var.name)) && !startswith(var.name, "aws/")
    error_message = "The alias may hold letters, digits, / _ and -, and must not begin with aws/."
  }
}

variable "services" {
  description = "AWS services that may use the key on behalf of this account, such as budgets.amazonaws.com."
  type        = list(string)
  nullable    = false
  default     = []
}

variable "tags" {
  description = "Tags of the key."
  type        = map(string)
  nullable    = false
  default     = {}
}
