variable "access_log" {
  description = "Where the load balancer's access logs go: name of the bucket, which lets it write."
  type        = object({ bucket = string })
}

variable "audit_logs" {
  description = "Buckets of the environments' audit logs by environment, which of them is appended to, and the key that signs it."
  type = object({
    buckets     = map(string)
    own         = string
    signing_key = optional(object({ arn = string, alias = optional(string) }))
  })
}

variable "certificate_arn" {
  description = "Certificate (ACM) that holds every name that is served."
  type        = string
}

variable "clients" {
  description = "Addresses from which the server is used."
  type        = set(string)
  validation {
    condition     = length(var.clients) > 0 && alltrue([for cidr in var.clients : can(cidrnetmask(cidr)) && !startswith(cidr, "0.0.0.0/")])
    error_message = "clients must name IPv4 ranges such as 10.0.0.0/8, and not the whole internet."
  }
}

variable "database" {
  description = "Class, version and size of MySQL, days of backups, and the version of its password: a raised one is set anew."
  type        = object({ backup_days = number, class = string, password_version = number, storage_gb = number, version = string })
  validation {
    condition     = var.database.backup_days >= 7 && var.database.backup_days <= 35
    error_message = "database.backup_days must be from 7 to 35, which is as long as RDS can go back to any minute."
  }
}

variable "database_password" {
  description = "Password of the database; needed in the run that raises its version, and only then."
  type        = string
  nullable    = false
  default     = "" # never null: that is refused even where nothing is written
  ephemeral   = true
  sensitive   = true
}

variable "files_bucket" {
  description = "Bucket in which trackers keep files."
  type        = string
}

variable "image" {
  description = "Image of the server, by digest."
  type        = string
  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image must be given by digest (name@sha256:...), as `make image KIND=server PUSH=1` prints it."
  }
}

variable "image_repository" {
  description = "Name of the repository that holds the image."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts the database, secrets and logs."
  type        = string
}

variable "log_group" {
  description = "Log group of the containers."
  type        = string
}

variable "name" {
  description = "Name of the server and prefix of its parts."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,17}[a-z0-9]$", var.name))
    error_message = "name must be 2 to 19 lower-case letters, digits and inner hyphens: load balancers' parts take 32."
  }
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds the roles. Null: none."
  type        = string
  default     = null
}

variable "protected" {
  description = "Whether database and load balancer cannot be deleted before this was applied as false."
  type        = bool
  nullable    = false
  default     = true
}

variable "replicas" {
  description = "How many containers of each service there are, at least and at most."
  type        = object({ least = number, most = number })
  validation {
    condition     = var.replicas.least >= 2 && var.replicas.most >= var.replicas.least
    error_message = "replicas.least must be 2 or more, so that one can go, and replicas.most no less."
  }
}

variable "services" {
  description = "What is served, by a key of at most 12 letters, digits and hyphens: command, host name, health path, environment, secrets (ARN by variable), cpu and memory."
  type = map(object({
    command     = list(string)
    cpu         = optional(number, 1024)
    environment = map(string)
    health_path = string
    host        = string
    memory      = optional(number, 2048)
    secrets     = map(string)
  }))
  validation {
    condition     = alltrue([for key, service in var.services : can(regex("^[a-z0-9][a-z0-9-]{0,11}$", key))])
    error_message = "A service's key has at most 12 lower-case letters, digits and hyphens."
  }
  validation {
    condition     = length(distinct([for service in var.services : service.host])) == length(var.services)
    error_message = "Every service needs a host name of its own: that is what tells them apart."
  }
}

variable "subnet_ids" {
  description = "Private subnets in two zones or more."
  type        = list(string)
  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "Name at least two subnets, in different zones."
  }
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "vpc_id" {
  description = "Id of the network."
  type        = string
}
