variable "client" {
  description = "The account that starts pipelines: its id, its project roles, whether it acts as the workload, and who may use it (people by impersonation, other systems by federation), by a stable key."
  type = object({
    account_id       = string
    acts_as_workload = optional(bool, true)
    federated        = optional(map(string), {})
    impersonators    = optional(map(string), {})
    roles            = optional(set(string), [])
  })
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.client.account_id))
    error_message = "A service account id has 6 to 30 lower-case letters, digits and hyphens and starts with a letter."
  }
  validation {
    condition     = alltrue([for role in var.client.roles : !can(regex("(?i)admin|^roles/(owner|editor)$|serviceAgent", role))])
    error_message = "A team's account holds no admin, owner, editor or service-agent role on a project; grant on the resource."
  }
}

variable "name" {
  description = "Whose accounts these are, for their descriptions."
  type        = string
}

variable "project_id" {
  description = "Project that holds the accounts."
  type        = string
}

variable "workload" {
  description = "The account that pipelines run as: its id, its project roles and the Kubernetes service accounts that stand for it, by a stable key."
  type = object({
    account_id = string
    kubernetes = optional(map(string), {})
    roles      = optional(set(string), [])
  })
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.workload.account_id))
    error_message = "A service account id has 6 to 30 lower-case letters, digits and hyphens and starts with a letter."
  }
  validation {
    condition     = alltrue([for role in var.workload.roles : !can(regex("(?i)admin|^roles/(owner|editor)$|serviceAgent", role))])
    error_message = "A team's account holds no admin, owner, editor or service-agent role on a project; grant on the resource."
  }
}
