variable "account_id" {
  description = "Account of the other environment."
  type        = string
}

variable "bucket" {
  description = "Bucket of its audit log."
  type        = string
}

variable "name" {
  description = "Name of the other environment."
  type        = string
}

variable "roles" {
  description = "Names of roles that may read it, by a stable key."
  type        = map(string)
  nullable    = false
}
