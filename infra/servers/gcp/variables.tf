variable "server_secret_values" {
  description = "Values of secrets by key, in the run that raises their version. Give it as TF_VAR_server_secret_values."
  type        = map(string)
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

variable "stands_in" {
  description = "Environment in whose project the server is."
  type        = string
  nullable    = false
}
