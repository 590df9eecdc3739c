variable "cloud" {
  description = "Cloud that is laid out; the environment's file has a section of this name."
  type        = string
  nullable    = false
}

variable "environment" {
  description = "Environment, as in environments/<environment>.yaml."
  type        = string
  nullable    = false

  validation {
    condition     = fileexists("${var.settings}/${var.environment}.yaml")
    error_message = "There is no ${var.settings}/${var.environment}.yaml; name an environment that has a file."
  }
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
