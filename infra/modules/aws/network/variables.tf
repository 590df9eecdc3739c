variable "cidr" {
  description = "Addresses of the network; two quarters of it become the private subnets."
  type        = string
  nullable    = false
  validation {
    condition     = can(cidrsubnet(var.cidr, 2, 3)) && try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 26, false)
    error_message = "cidr must be an IPv4 range from /16 to /26, such as 10.20.0.0/20."
  }
}

variable "existing" {
  description = "A network to use instead of building one, with two or more of its subnets."
  type        = object({ vpc_id = string, subnet_ids = list(string) })
  default     = null
  validation {
    condition     = var.existing == null || try(length(var.existing.subnet_ids) >= 2, false)
    error_message = "Name at least two subnets of the existing network, in different zones."
  }
}

variable "flow_log_group_arn" {
  description = "ARN of the log group that receives flow logs of a network built here."
  type        = string
  default     = null
  validation {
    condition     = var.existing != null || var.flow_log_group_arn != null
    error_message = "A network that is built needs flow_log_group_arn: where its flow logs go."
  }
}

variable "interface_endpoints" {
  description = "AWS services to reach from inside the network, such as ecr.api. Each costs by the hour and zone."
  type        = set(string)
  nullable    = false
  default     = ["ecr.api", "ecr.dkr", "logs", "sagemaker.api", "sagemaker.runtime", "secretsmanager", "sts"]
}

variable "name" {
  description = "Name of the network and prefix of its parts."
  type        = string
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds the flow log role. Null: none."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of everything in the network."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "users" {
  description = "Names of roles whose jobs run in the network, by a stable key."
  type        = map(string)
  nullable    = false
  default     = {}
}
