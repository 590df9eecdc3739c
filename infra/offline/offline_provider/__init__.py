"""A Terraform provider that plans and applies against recorded schemas: no network, no account, nothing real."""
