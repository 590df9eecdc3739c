variable "environment" {
  description = "Environment, as in environments/<environment>.yaml."
  type        = string
  nullable    = false

  validation {
    condition     = fileexists("${var.settings}/${var.environment}.yaml")
    error_message = "There is no ${var.settings}/${var.environment}.yaml; name an environment that has a file."
  }
}

variable "ground" {
  description = "Absolute path of the folder that holds everything of the local cloud."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^/[^/]", var.ground)) && !endswith(var.ground, "/")
    error_message = "ground must be an absolute path below / with no slash at its end; found '${var.ground}'."
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
