variable "billing_account" {
  description = "Billing account that holds the budgets, which plan sees and apply changes. Null: neither."
  type        = string
  default     = null
}

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
  description = "The plan and the apply identity: service account id, project roles, and permissions beyond those of each."
  type = object({
    plan  = object({ account_id = string, description = string, permissions = optional(set(string), []), roles = set(string) })
    apply = object({ account_id = string, description = string, permissions = optional(set(string), []), roles = set(string) })
  })
  validation {
    condition     = length(setintersection(var.identities.plan.roles, ["roles/viewer", "roles/editor", "roles/owner"])) == 0
    error_message = "Any ref of the repository is the plan identity, and every bucket lets a project's viewers, editors and owners read it: name the permissions that planning needs."
  }
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

variable "state" {
  description = "Bucket of the remote state, which plan reads and apply writes, and name of the state's lock in it. Null: somebody else grants that."
  type        = object({ bucket = string, lock = string })
  default     = null
}
