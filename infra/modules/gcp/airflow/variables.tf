variable "account_id" {
  description = "Id of the service account that Airflow runs as."
  type        = string
}

variable "image_version" {
  description = "Composer and Airflow version."
  type        = string
  nullable    = false
  default     = "composer-3-airflow-2"
}

variable "kms_key" {
  description = "Key that encrypts the environment."
  type        = string
}

variable "labels" {
  description = "Labels of the environment."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "location" {
  description = "Region of the environment."
  type        = string
}

variable "name" {
  description = "Name of the environment."
  type        = string
}

variable "network" {
  description = "Network of the environment."
  type        = string
}

variable "project_id" {
  description = "Project that holds the environment."
  type        = string
}

variable "protected" {
  description = "Whether the environment spans zones."
  type        = bool
  nullable    = false
  default     = false
}

variable "size" {
  description = "ENVIRONMENT_SIZE_SMALL, _MEDIUM or _LARGE."
  type        = string
  nullable    = false
  default     = "ENVIRONMENT_SIZE_SMALL"
}

variable "subnet" {
  description = "Subnet of the environment."
  type        = string
}

variable "writers" {
  description = "Members that may put DAGs below their own prefix, by team."
  type        = map(string)
  nullable    = false
  default     = {}
}
