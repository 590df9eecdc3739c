mock_provider "aws" {
  source = "../mocks"
}

variables {
  cidr               = "10.20.0.0/20"
  flow_log_group_arn = "arn:aws:logs:eu-central-1:333333333333:log-group:/groundwork/production/network"
  name               = "production"
}

run "built" {
  assert {
    condition     = length(aws_subnet.private) == 2 && aws_subnet.private["a"].availability_zone != aws_subnet.private["b"].availability_zone
    error_message = "Two private subnets in two zones."
  }
  assert {
    condition     = alltrue([for s in aws_subnet.private : !s.map_public_ip_on_launch])
    error_message = "Nothing gets a public address."
  }
  assert {
    condition     = length(aws_vpc_endpoint.interface) == 7 && aws_vpc_endpoint.s3[0].vpc_endpoint_type == "Gateway"
    error_message = "Services are reached from inside."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.endpoints[0].cidr_ipv4 == "10.20.0.0/20" && aws_vpc_security_group_ingress_rule.workload.cidr_ipv4 == null
    error_message = "Nothing outside the network gets in."
  }
}

run "without_endpoints" {
  variables {
    interface_endpoints = []
    users               = { oncology = "oncology-production-wl" }
  }
  assert {
    condition     = length(aws_vpc_endpoint.interface) == 0 && length(aws_vpc_endpoint.s3) == 1
    error_message = "S3's endpoint costs nothing and stays."
  }
  assert {
    condition     = keys(aws_iam_role_policy.user) == ["oncology"]
    error_message = "Users of the network get a policy."
  }
}

run "existing" {
  variables {
    existing = { vpc_id = "vpc-0aaaaaaaaaaaaaaaa", subnet_ids = ["subnet-1", "subnet-2"] }
  }
  override_data {
    target = data.aws_vpc.existing
    values = { id = "vpc-0aaaaaaaaaaaaaaaa", cidr_block = "10.0.0.0/16" }
  }
  override_data {
    target = data.aws_subnet.existing
    values = { vpc_id = "vpc-0aaaaaaaaaaaaaaaa" }
  }
  assert {
    condition     = length(aws_vpc.this) == 0 && length(aws_subnet.private) == 0 && length(aws_flow_log.this) == 0
    error_message = "Nothing of an existing network is made."
  }
  assert {
    condition     = output.vpc_id == "vpc-0aaaaaaaaaaaaaaaa" && output.subnet_ids == tolist(["subnet-1", "subnet-2"])
    error_message = "The existing network is used."
  }
}

run "refuses_a_subnet_of_another_network" {
  command = plan
  variables {
    existing = { vpc_id = "vpc-0aaaaaaaaaaaaaaaa", subnet_ids = ["subnet-1", "subnet-2"] }
  }
  override_data {
    target = data.aws_vpc.existing
    values = { id = "vpc-0aaaaaaaaaaaaaaaa", cidr_block = "10.0.0.0/16" }
  }
  override_data {
    target = data.aws_subnet.existing
    values = { vpc_id = "vpc-0bbbbbbbbbbbbbbbb" }
  }
  expect_failures = [data.aws_subnet.existing]
}

run "refuses_one_subnet" {
  command = plan
  variables {
    existing = { vpc_id = "vpc-0aaaaaaaaaaaaaaaa", subnet_ids = ["subnet-1"] }
  }
  override_data {
    target = data.aws_vpc.existing
    values = { id = "vpc-0aaaaaaaaaaaaaaaa", cidr_block = "10.0.0.0/16" }
  }
  override_data {
    target = data.aws_subnet.existing
    values = { vpc_id = "vpc-0aaaaaaaaaaaaaaaa" }
  }
  expect_failures = [var.existing]
}

run "refuses_a_range_that_is_none" {
  command = plan
  variables {
    cidr = "10.20.0.0/8"
  }
  expect_failures = [var.cidr]
}
