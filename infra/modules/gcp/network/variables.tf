variable "cidr" {
  description = "Range of the private subnet, its pods and its services together. A /20 or larger."
  type        = string
  nullable    = false
  validation {
    condition     = can(cidrhost(var.cidr, 0)) && tonumber(split("/", var.cidr)[1]) <= 20
    error_message = "Give a range such as 10.20.0.0/20; a smaller one than /20 leaves too few addresses for pods."
  }
}

variable "existing" {
  description = "Name of a network to use instead of building one. It must have private service access."
  type        = string
  default     = null
}

variable "existing_subnet" {
  description = "Name of a subnet of the existing network, in the same region."
  type        = string
  default     = null
  validation {
    condition     = (var.existing == null) == (var.existing_subnet == null)
    error_message = "An existing network needs an existing subnet, and the other way round."
  }
}

variable "https_egress" {
  description = "Ranges that may be reached with HTTPS besides Google APIs, such as a package index."
  type        = list(string)
  nullable    = false
  default     = []
}

variable "labels" {
  description = "Labels of addresses and DNS zones."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "name" {
  description = "Name of the network; the names of its parts start with it."
  type        = string
}

variable "project_id" {
  description = "Project that holds the network."
  type        = string
}

variable "region" {
  description = "Region of the subnet."
  type        = string
}
