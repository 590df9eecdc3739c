variable "environment" {
  description = "Environment to lay out; <settings>/<environment>.yaml describes it."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9]+$", var.environment))
    error_message = "An environment's name has lower-case letters and digits only."
  }
}

variable "secret_values" {
  description = "Values to write, by team and key. Never stored; given as TF_VAR_secret_values."
  type        = map(map(string))
  nullable    = false
  default     = {}
  ephemeral   = true
}

variable "settings" {
  description = "Absolute folder of the settings files."
  type        = string
  validation {
    condition     = fileexists("${var.settings}/names.yaml")
    error_message = "The folder holds no names.yaml; give the absolute path of the folder of the settings files."
  }
}
