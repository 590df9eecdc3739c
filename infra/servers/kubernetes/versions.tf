terraform {
  required_version = ">= 1.11"
  required_providers {
    terraform = {
      source = "terraform.io/builtin/terraform"
    }
  }
  backend "s3" {} # bucket, key, endpoint and lock are given on init: one state for the server, in the store of where it stands
}
