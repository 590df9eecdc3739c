variable "environment" {
  description = "Environment, as in environments/<environment>.yaml."
  type        = string
  nullable    = false
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
}
