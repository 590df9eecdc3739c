variable "certificate" {
  description = "Certificate (Certificate Manager, of the same region) that holds every name that is served."
  type        = string
  validation {
    condition     = can(regex("^projects/[^/]+/locations/[^/]+/certificates/[^/]+$", var.certificate)) && !strcontains(var.certificate, "/locations/global/")
    error_message = "certificate must be projects/<project>/locations/<region>/certificates/<name>; a global one cannot be used inside a network."
  }
}

variable "database" {
  description = "Tier, version and size of MySQL, how many daily backups are kept, and the version of its password: a raised one is set anew."
  type        = object({ backup_days = number, password_version = number, storage_gb = number, tier = string, version = string })
  validation {
    condition     = var.database.backup_days >= 7 && var.database.backup_days <= 35
    error_message = "database.backup_days must be from 7 to 35, as on the other clouds."
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

variable "domain" {
  description = "Name of the server; names of trackers' pages are below it."
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

variable "kms_key" {
  description = "Key that encrypts the database and what containers keep."
  type        = string
}

variable "labels" {
  description = "Labels of everything that takes them."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "location" {
  description = "Region of everything, the same as the key's."
  type        = string
}

variable "name" {
  description = "Name of the server and prefix of its parts."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,34}[a-z0-9]$", var.name))
    error_message = "name must be 2 to 36 lower-case letters, digits and inner hyphens: with a service's key it has to fit into 49."
  }
}

variable "network" {
  description = "Network (projects/<project>/global/networks/<name>) that has private service access."
  type        = string
}

variable "project_id" {
  description = "Project that holds the server."
  type        = string
}

variable "protected" {
  description = "Whether database and services cannot be deleted before this was applied as false."
  type        = bool
  nullable    = false
  default     = true
}

variable "proxy_cidr" {
  description = "Range for the proxies of the load balancer, outside every subnet; a network has one in each region. Null: there is one already."
  type        = string
  default     = null
}

variable "replicas" {
  description = "How many containers of each service there are, at least and at most."
  type        = object({ least = number, most = number })
  validation {
    condition     = var.replicas.least >= 2 && var.replicas.most >= var.replicas.least
    error_message = "replicas.least must be 2 or more, so that one can go, and replicas.most no less."
  }
}

variable "service_account" {
  description = "E-mail of the account that the containers run as."
  type        = string
}

variable "services" {
  description = "What is served, by a key of at most 12 letters, digits and hyphens: command, host name, health path, environment, secrets (name and version by variable), cpu and memory."
  type = map(object({
    command     = list(string)
    cpu         = optional(string, "1")
    environment = map(string)
    health_path = string
    host        = string
    memory      = optional(string, "2Gi")
    secrets     = map(object({ name = string, version = string }))
  }))
  validation {
    condition     = alltrue([for key, service in var.services : can(regex("^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$", key))])
    error_message = "A service's key has at most 12 lower-case letters, digits and inner hyphens, and begins with a letter."
  }
  validation {
    condition     = length(distinct([for service in var.services : service.host])) == length(var.services)
    error_message = "Every service needs a host name of its own: that is what tells them apart."
  }
}

variable "subnet" {
  description = "Subnet of the network, in which containers and the load balancer's address are."
  type        = string
}
