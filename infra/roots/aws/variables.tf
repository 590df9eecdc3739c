variable "environment" {
  description = "Environment, as in environments/<environment>.yaml."
  type        = string
  nullable    = false

  validation {
    condition     = fileexists("${var.settings}/${var.environment}.yaml")
    error_message = "There is no ${var.settings}/${var.environment}.yaml; name an environment that has a file."
  }
}

variable "secret_values" {
  description = "Values of secrets by team and key, in the run that raises their version. Give it as TF_VAR_secret_values."
  type        = map(map(string))
  nullable    = false
  default     = {}
  ephemeral   = true
  sensitive   = true
}

variable "settings" {
  description = "Absolute path of the folder of the settings files."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.settings, "/") && fileexists("${var.settings}/names.yaml")
    error_message = "settings must be the absolute path of a folder that holds names.yaml, such as the checkout's environments/; found '${var.settings}'."
  }
}
