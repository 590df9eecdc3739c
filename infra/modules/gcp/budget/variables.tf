variable "alert_at" {
  description = "Shares of the amount at which to alert, such as 0.5."
  type        = list(number)
  nullable    = false
}

variable "amount" {
  description = "Amount of a month."
  type        = number
  validation {
    condition     = var.amount > 0
    error_message = "A budget is more than nothing."
  }
}

variable "billing_account" {
  description = "Billing account that the project is charged to."
  type        = string
}

variable "channels" {
  description = "Monitoring notification channels to tell; the first five are used, more are not allowed."
  type        = list(string)
  nullable    = false
  default     = []
}

variable "currency" {
  description = "ISO 4217 code; it must be the billing account's own."
  type        = string
}

variable "label" {
  description = "One label that spend must carry to count, such as {team = \"oncology\"}. Empty: the whole project."
  type        = map(string)
  nullable    = false
  default     = {}
  validation {
    condition     = length(var.label) <= 1
    error_message = "A budget filters on one label at most."
  }
}

variable "name" {
  description = "Name shown in the console."
  type        = string
  validation {
    condition     = length(var.name) <= 60
    error_message = "A budget's name has at most 60 characters."
  }
}

variable "project_number" {
  description = "Number of the project whose spend counts."
  type        = string
}

variable "topic" {
  description = "Pub/Sub topic that hears of every update."
  type        = string
  default     = null
}
