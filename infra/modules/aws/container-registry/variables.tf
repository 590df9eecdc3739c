variable "force_delete" {
  description = "Whether destroying the registry deletes the images in it. True in dev only."
  type        = bool
  nullable    = false
  default     = false
}

variable "kms_key_arn" {
  description = "Key that encrypts images."
  type        = string
}

variable "name" {
  description = "Name of the repository."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9]+(?:[._/-][a-z0-9]+)*$", var.name)) && length(var.name) <= 256
    error_message = "An ECR repository name has 2 to 256 lower-case letters and digits, joined by single . _ - or /."
  }
}

variable "readers" {
  description = "Names of roles that may pull, by a stable key."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "tags" {
  description = "Tags of the repository."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "untagged_days" {
  description = "Days until an image without a tag is deleted."
  type        = number
  nullable    = false
  default     = 14
}

variable "writers" {
  description = "Names of roles that may pull and push, by a stable key."
  type        = map(string)
  nullable    = false
  default     = {}
}
