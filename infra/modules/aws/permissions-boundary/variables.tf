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
