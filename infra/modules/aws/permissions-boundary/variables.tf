variable "audit_logs" {
  description = "Audit logs of other environments that roles may read, by environment."
  type        = map(object({ account_id = string, bucket = string }))
  nullable    = false
  default     = {}
}

variable "environment" {
  description = "The environment that roles are confined to."
  type        = string
}

variable "prefix" {
  description = "What leads the names of the environment's buckets."
  type        = string
}

variable "tags" {
  description = "Tags of the policy."
  type        = map(string)
  nullable    = false
  default     = {}
}
