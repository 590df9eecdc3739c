variable "client_name" {
  description = "Name of the role that submits pipelines."
  type        = string
  validation {
    condition     = can(regex("^[\\w+=,.@-]{1,64}$", var.client_name))
    error_message = "A role name has 1 to 64 letters, digits and _+=,.@- signs."
  }
}

variable "client_principals" {
  description = "ARNs of roles that may act as the client. Empty: whomever IAM of this account lets assume it."
  type        = list(string)
  nullable    = false
  default     = []
}

variable "cluster" {
  description = "Name of the EKS cluster, for the orchestrator kubernetes."
  type        = string
  default     = null
  validation {
    condition     = var.orchestrator != "kubernetes" || var.cluster != null
    error_message = "The orchestrator kubernetes needs cluster: the name of the EKS cluster."
  }
}

variable "github" {
  description = "GitHub's identity provider in this account and the subject that may act as the client."
  type        = object({ provider_arn = string, subject = string })
  default     = null
  validation {
    condition     = var.github == null || !strcontains(try(var.github.subject, ""), "*")
    error_message = "github.subject must name one subject exactly; a wildcard would let other workflows in."
  }
}

variable "orchestrator" {
  description = "What runs pipelines."
  type        = string
  validation {
    condition     = contains(["airflow", "kubernetes", "local", "sagemaker"], var.orchestrator)
    error_message = "orchestrator must be one of: airflow, kubernetes, local, sagemaker."
  }
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds both roles. Null: none."
  type        = string
  default     = null
}

variable "step_operator" {
  description = "What runs single steps, beside the orchestrator."
  type        = string
  default     = null
  validation {
    condition     = var.step_operator == null || var.step_operator == "sagemaker"
    error_message = "step_operator must be sagemaker or null."
  }
}

variable "tags" {
  description = "Tags of both roles."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "team" {
  description = "The team; what it runs on SageMaker carries this as the tag team."
  type        = string
}

variable "workload_name" {
  description = "Name of the role that steps run as."
  type        = string
  validation {
    condition     = can(regex("^[\\w+=,.@-]{1,64}$", var.workload_name)) && var.workload_name != var.client_name
    error_message = "A role name has 1 to 64 letters, digits and _+=,.@- signs, and differs from the client's."
  }
}
