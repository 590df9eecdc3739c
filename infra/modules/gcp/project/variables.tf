variable "audited_services" {
  description = "Services whose reads and writes of data are logged."
  type        = set(string)
  nullable    = false
  default     = ["aiplatform.googleapis.com", "iam.googleapis.com", "secretmanager.googleapis.com", "storage.googleapis.com"]
}

variable "billing_account" {
  description = "Billing account of a project that is created, such as 012345-6789AB-CDEF01."
  type        = string
  default     = null
}

variable "create" {
  description = "Whether to create the project. False: it exists and only what is in it is managed."
  type        = bool
  nullable    = false
  default     = true
}

variable "labels" {
  description = "Labels of a project that is created."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "parent" {
  description = "Where a project is created: folders/<number> or organizations/<number>."
  type        = string
  default     = null
}

variable "project_id" {
  description = "Id of the project, unique in the world."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "A project id has 6 to 30 lower-case letters, digits and hyphens, starts with a letter and does not end with a hyphen."
  }
}

variable "protected" {
  description = "Whether deleting the project is refused, by Terraform and by a lien."
  type        = bool
  nullable    = false
  default     = false
}

variable "services" {
  description = "APIs to enable, such as storage.googleapis.com."
  type        = set(string)
  nullable    = false
  default     = []
}
