terraform {
  required_version = ">= 1.11"
  required_providers {
    terraform = {
      source = "terraform.io/builtin/terraform" # part of Terraform: init downloads nothing
    }
  }
}
