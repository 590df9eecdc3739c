variable "access_log" {
  description = "Where access logs go: name of the bucket. Null: no access logs."
  type        = object({ bucket = string })
  default     = null
}

variable "force_destroy" {
  description = "Whether destroying the store deletes the artifacts in it. True in dev only."
  type        = bool
  nullable    = false
  default     = false
}

variable "kms_key_arn" {
  description = "Key that encrypts artifacts."
  type        = string
}

variable "name" {
  description = "Name of the bucket, unique in the world."
  type        = string
}

variable "noncurrent_days" {
  description = "Days until a replaced or deleted version of an artifact is gone for good."
  type        = number
  nullable    = false
  default     = 90
}

variable "readers" {
  description = "Names of roles that may read, by a stable key."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "tags" {
  description = "Tags of the bucket."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "writers" {
  description = "Names of roles that may read and write, by a stable key."
  type        = map(string)
  nullable    = false
  default     = {}
}
