variable "key_ring" {
  description = "Resource name of the key ring."
  type        = string
}

variable "labels" {
  description = "Labels of the key."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "name" {
  description = "Name of the key in its ring. It can never be used again there."
  type        = string
}

variable "signers" {
  description = "Members that may sign checkpoints and read the public key, by a stable key."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "viewers" {
  description = "Members that may read the public key and nothing else, by a stable key."
  type        = map(string)
  nullable    = false
  default     = {}
}
