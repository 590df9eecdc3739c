variable "cluster" {
  description = "Name of the EKS cluster in which the environment's roles are given entries. Null: none."
  type        = string
  default     = null
}

variable "environment" {
  description = "The environment; also the name of the workflow environment whose jobs may apply."
  type        = string
}

variable "permissions_boundary" {
  description = "ARN of the policy that must bound every role the apply role makes."
  type        = string
}

variable "prefix" {
  description = "What leads every name that is unique in the world."
  type        = string
}

variable "repository" {
  description = "The repository on GitHub. Give both ids when it uses immutable subject claims."
  type = object({
    owner         = string
    name          = string
    owner_id      = optional(number)
    repository_id = optional(number)
  })
  validation {
    condition     = (var.repository.owner_id == null) == (var.repository.repository_id == null)
    error_message = "owner_id and repository_id go together: give both or neither."
  }
  validation {
    condition     = !strcontains("${var.repository.owner}/${var.repository.name}", "*")
    error_message = "owner and name must name one repository; a wildcard would let others in."
  }
}

variable "role_names" {
  description = "Names of the two roles."
  type        = object({ apply = string, plan = string })
}

variable "state_bucket" {
  description = "Name of the bucket that holds this environment's Terraform state."
  type        = string
}

variable "tags" {
  description = "Tags of the provider and both roles."
  type        = map(string)
  nullable    = false
  default     = {}
}
