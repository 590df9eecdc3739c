variable "alert_at" {
  description = "Shares of the budget at which an alert is sent."
  type        = set(number)
  nullable    = false
  validation {
    condition     = alltrue([for share in var.alert_at : share > 0 && share <= 2])
    error_message = "Each share in alert_at must be above 0 and at most 2."
  }
}

variable "amount" {
  description = "What may be spent a month. Null: no budget, topic or anomaly detection is made."
  type        = number
  default     = null
  validation {
    condition     = var.amount == null || try(var.amount > 0, false)
    error_message = "amount must be above 0, or null for no budget."
  }
}

variable "anomaly_impact" {
  description = "Impact of a spending anomaly, in currency, from which it is reported. Null: no anomaly detection."
  type        = number
  default     = null
}

variable "currency" {
  description = "Currency of amount. AWS Budgets reckons in US dollars only."
  type        = string
  nullable    = false
  default     = "USD"
  validation {
    condition     = var.currency == "USD"
    error_message = "AWS Budgets reckons in USD only: give the budget in USD, or set budgets to false in the aws section."
  }
}

variable "emails" {
  description = "Addresses that receive the alerts; each must confirm once."
  type        = set(string)
  nullable    = false
  default     = []
}

variable "filter_tags" {
  description = "Tag that spend must carry to count, as one key and value. It must be activated as a cost allocation tag."
  type        = map(string)
  validation {
    condition     = length(var.filter_tags) == 1
    error_message = "Give exactly one tag: a budget adds up several tags instead of combining them."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the alert topic; it must admit budgets.amazonaws.com and costalerts.amazonaws.com."
  type        = string
}

variable "name" {
  description = "Name of the budget."
  type        = string
  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,100}$", var.name))
    error_message = "The name has 1 to 100 letters, digits, _ and -."
  }
}

variable "tags" {
  description = "Tags of the budget and its topic."
  type        = map(string)
  nullable    = false
  default     = {}
}
