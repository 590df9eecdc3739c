variable "keep_recent" {
  description = "How many versions of an image are kept whatever their age."
  type        = number
  nullable    = false
  default     = 20
}

variable "kms_key" {
  description = "Key that encrypts images."
  type        = string
}

variable "labels" {
  description = "Labels of the repository."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "location" {
  description = "Region of the repository, the same as its key's."
  type        = string
}

variable "name" {
  description = "Id of the repository."
  type        = string
  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", var.name))
    error_message = "A repository's id has 1 to 63 lower-case letters, digits and hyphens and starts with a letter."
  }
}

variable "project_id" {
  description = "Project that holds the repository."
  type        = string
}

variable "readers" {
  description = "Members that may pull, by a stable key."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "untagged_days" {
  description = "Days until an image without a tag is deleted."
  type        = number
  nullable    = false
  default     = 30
}

variable "writers" {
  description = "Members that may push and pull, by a stable key."
  type        = map(string)
  nullable    = false
  default     = {}
}
