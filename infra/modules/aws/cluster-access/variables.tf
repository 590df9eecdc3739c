variable "accounts" {
  description = "Service accounts of the namespace whose pods get the workload role."
  type        = list(string)
}

variable "client_arn" {
  description = "ARN of the role that submits the team's runs."
  type        = string
}

variable "client_group" {
  description = "Group that the client is in the cluster."
  type        = string
  validation {
    condition     = !startswith(var.client_group, "system:")
    error_message = "EKS refuses groups that begin with system:, which are Kubernetes' own."
  }
}

variable "cluster" {
  description = "Name of the EKS cluster; it runs the Pod Identity agent and takes access entries."
  type        = string
}

variable "namespace" {
  description = "Namespace of the team."
  type        = string
}

variable "tags" {
  description = "Tags of what is made."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "workload_arn" {
  description = "ARN of the role that the team's steps run as; it trusts pods.eks.amazonaws.com."
  type        = string
}
