variable "settings" {
  description = "Absolute path of the folder of the settings files."
  type        = string
  nullable    = false
}

variable "stands_in" {
  description = "Environment in whose cluster the server is."
  type        = string
  nullable    = false
}
