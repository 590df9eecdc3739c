variable "cloud" {
  description = "Cloud whose state this is."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["aws", "azure", "gcp", "kubernetes", "local"], var.cloud)
    error_message = "cloud must be aws, azure, gcp, kubernetes or local; found '${var.cloud}'."
  }
}

variable "environment" {
  description = "Environment whose state this is."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]+$", var.environment))
    error_message = "environment must be lower-case letters and digits, as in environments/<environment>.yaml; found '${var.environment}'."
  }
}
