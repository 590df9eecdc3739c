variable "kms_key" {
  description = "Key that encrypts the values."
  type        = string
}

variable "labels" {
  description = "Labels of the secrets."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "location" {
  description = "Region that values stay in, the same as their key's."
  type        = string
}

variable "project_id" {
  description = "Project that holds the secrets."
  type        = string
}

variable "protected" {
  description = "Whether deleting a secret is refused."
  type        = bool
  nullable    = false
  default     = false
}

variable "readers" {
  description = "Members that may read every value, by a stable key."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "secrets" {
  description = "Secrets to make, by key. Version 0: no value is written, somebody fills it in. Raise it to write a new value."
  type = map(object({
    name    = string
    version = optional(number, 0)
  }))
  nullable = false
}

variable "values" {
  description = "Values to write, by the keys of secrets. Never stored."
  type        = map(string)
  nullable    = false
  default     = {}
  ephemeral   = true
}
