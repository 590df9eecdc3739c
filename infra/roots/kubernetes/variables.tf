variable "environment" {
  description = "Environment, as in environments/<environment>.yaml."
  type        = string
  nullable    = false
}

variable "settings" {
  description = "Absolute path of the folder of the settings files."
  type        = string
  nullable    = false
}
