variable "alerts" {
  description = "Log entries that the recipients must hear of, by name."
  type = map(object({
    documentation = string
    filter        = string
    severity      = optional(string, "WARNING")
  }))
  nullable = false
}

variable "emails" {
  description = "Who is told, by a stable key."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "labels" {
  description = "Labels of channels and alerts."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "name" {
  description = "Whose alerts they are; begins the name of each."
  type        = string
}

variable "project_id" {
  description = "Project whose logs are watched."
  type        = string
}
