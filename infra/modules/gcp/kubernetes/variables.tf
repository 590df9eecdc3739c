variable "kms_key" {
  description = "Key that encrypts the cluster's secrets and the nodes' disks."
  type        = string
}

variable "labels" {
  description = "Labels of the cluster."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "location" {
  description = "Region of the cluster."
  type        = string
}

variable "name" {
  description = "Name of the cluster."
  type        = string
  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$", var.name))
    error_message = "A cluster's name has 1 to 40 lower-case letters, digits and hyphens and starts with a letter."
  }
}

variable "network" {
  description = "Network of the cluster."
  type        = string
}

variable "nodes_account_id" {
  description = "Id of the service account that nodes run as."
  type        = string
}

variable "pods_range" {
  description = "Secondary range for pods. Null: GKE makes one."
  type        = string
  default     = null
}

variable "project_id" {
  description = "Project that holds the cluster."
  type        = string
}

variable "protected" {
  description = "Whether deleting the cluster is refused."
  type        = bool
  nullable    = false
  default     = false
}

variable "services_range" {
  description = "Secondary range for services. Null: GKE makes one."
  type        = string
  default     = null
}

variable "subnet" {
  description = "Subnet of the cluster."
  type        = string
}
