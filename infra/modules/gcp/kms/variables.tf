variable "keys" {
  description = "Keys to make, by name."
  type = map(object({
    labels = optional(map(string), {})
  }))
  nullable = false
}

variable "labels" {
  description = "Labels of every key."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "location" {
  description = "Region of the key ring; what it encrypts must be in the same one."
  type        = string
}

variable "name" {
  description = "Name of the key ring. A key ring can never be deleted, so it is not reused either."
  type        = string
}

variable "project_id" {
  description = "Project that holds the keys."
  type        = string
}

variable "rotation_days" {
  description = "Days after which a key gets a new version."
  type        = number
  nullable    = false
  default     = 90
  validation {
    condition     = var.rotation_days >= 1
    error_message = "A key rotates once a day at most."
  }
}

variable "users" {
  description = "Service agents that encrypt and decrypt with every key, by a stable name."
  type        = map(string)
  nullable    = false
  default     = {}
}
