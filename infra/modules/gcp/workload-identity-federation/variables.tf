variable "environment" {
  description = "GitHub environment whose jobs may apply."
  type        = string
}

variable "grantable_roles" {
  description = "Project roles that the apply identity may grant."
  type        = list(string)
  nullable    = false
  default     = []
}

variable "identities" {
  description = "The plan and the apply identity: service account id and project roles of each."
  type = object({
    plan  = object({ account_id = string, description = string, roles = set(string) })
    apply = object({ account_id = string, description = string, roles = set(string) })
  })
}

variable "owner_id" {
  description = "Immutable id of the repository's owner."
  type        = number
}

variable "pool_id" {
  description = "Id of the workload identity pool, 4 to 32 characters. A deleted pool's id is taken for 30 days."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}[a-z0-9]$", var.pool_id)) && !startswith(var.pool_id, "gcp-")
    error_message = "A pool id has 4 to 32 lower-case letters, digits and hyphens and does not start with gcp-."
  }
}

variable "project_id" {
  description = "Project that the workflows plan and apply."
  type        = string
}

variable "repository_id" {
  description = "Immutable id of the repository."
  type        = number
}

variable "state_bucket" {
  description = "Bucket of the remote state: plan reads it, apply writes it. Null: somebody else grants that."
  type        = string
  default     = null
}
