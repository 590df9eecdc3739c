variable "environment" {
  description = "Environment, as in environments/<environment>.yaml."
  type        = string
  nullable    = false
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
}
