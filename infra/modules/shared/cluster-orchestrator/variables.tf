variable "context" {
  description = "Context of the kubeconfig by which runs are submitted. Null: a connector says, or incluster does."
  type        = string
  default     = null
}

variable "incluster" {
  description = "Whether runs are submitted from pods of the cluster."
  type        = bool
  nullable    = false
  default     = false
}

variable "labels" {
  description = "Labels of every pod."
  type        = map(string)
}

variable "namespace" {
  description = "Namespace of the team."
  type        = string
}

variable "validate_locally" {
  description = "Whether ZenML checks that this machine and the cluster mean the same by local addresses."
  type        = bool
  nullable    = false
  default     = true
}
