terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
    terraform = {
      source = "terraform.io/builtin/terraform"
    }
  }
  backend "s3" {} # bucket, key and lock are given on init: one state for the server, in the account that it stands in
}
