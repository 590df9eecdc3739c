data "aws_region" "current" {}

data "aws_availability_zones" "available" {
  count = local._build ? 1 : 0
  state = "available"
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

data "aws_vpc" "existing" {
  count = local._build ? 0 : 1
  id    = var.existing.vpc_id
}

data "aws_subnet" "existing" {
  for_each = local._build ? toset([]) : toset(var.existing.subnet_ids)
  id       = each.value
  lifecycle {
    postcondition {
      condition     = self.vpc_id == var.existing.vpc_id
      error_message = "Subnet ${each.value} is not in ${var.existing.vpc_id}: correct network.existing_subnets."
    }
  }
}

locals {
  _build = var.existing == null
  _zones = local._build ? {
    for index, key in ["a", "b"] : key => {
      name = data.aws_availability_zones.available[0].names[index]
      cidr = cidrsubnet(var.cidr, 2, index)
    }
  } : {}
  vpc_cidr   = local._build ? var.cidr : data.aws_vpc.existing[0].cidr_block
  vpc_id     = local._build ? aws_vpc.this[0].id : data.aws_vpc.existing[0].id
  subnet_ids = local._build ? [for key in sort(keys(local._zones)) : aws_subnet.private[key].id] : var.existing.subnet_ids
}

resource "aws_vpc" "this" {
  count                = local._build ? 1 : 0
  cidr_block           = var.cidr
  enable_dns_hostnames = true
  enable_dns_support   = true
  tags                 = merge(var.tags, { Name = var.name })
}

# Whatever is put in no group of its own reaches nothing.
resource "aws_default_security_group" "closed" {
  count  = local._build ? 1 : 0
  vpc_id = aws_vpc.this[0].id
  tags   = merge(var.tags, { Name = "${var.name}-default-closed" })
}

resource "aws_subnet" "private" {
  for_each                = local._zones
  vpc_id                  = aws_vpc.this[0].id
  availability_zone       = each.value.name
  cidr_block              = each.value.cidr
  map_public_ip_on_launch = false
  tags                    = merge(var.tags, { Name = "${var.name}-private-${each.key}" })
}

# No route leaves the network: there is no internet gateway and no address translation.
resource "aws_route_table" "private" {
  count  = local._build ? 1 : 0
  vpc_id = aws_vpc.this[0].id
  tags   = merge(var.tags, { Name = "${var.name}-private" })
}

resource "aws_route_table_association" "private" {
  for_each       = aws_subnet.private
  subnet_id      = each.value.id
  route_table_id = aws_route_table.private[0].id
}

resource "aws_vpc_endpoint" "s3" {
  count             = local._build ? 1 : 0
  vpc_id            = aws_vpc.this[0].id
  service_name      = "com.amazonaws.${data.aws_region.current.name}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private[0].id]
  tags              = merge(var.tags, { Name = "${var.name}-s3" })
}

resource "aws_vpc_endpoint" "interface" {
  for_each            = local._build ? var.interface_endpoints : toset([])
  vpc_id              = aws_vpc.this[0].id
  service_name        = "com.amazonaws.${data.aws_region.current.name}.${each.value}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  security_group_ids  = [aws_security_group.endpoints[0].id]
  subnet_ids          = local.subnet_ids
  tags                = merge(var.tags, { Name = "${var.name}-${each.value}" })
}

resource "aws_security_group" "endpoints" {
  count                  = local._build ? 1 : 0
  name                   = "${var.name}-endpoints"
  description            = "AWS services, reached from inside the network."
  vpc_id                 = aws_vpc.this[0].id
  revoke_rules_on_delete = true
  tags                   = merge(var.tags, { Name = "${var.name}-endpoints" })
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  count             = local._build ? 1 : 0
  security_group_id = aws_security_group.endpoints[0].id
  description       = "TLS from inside the network."
  cidr_ipv4         = var.cidr
  from_port         = 443
  to_port           = 443
  ip_protocol       = "tcp"
  tags              = var.tags
}

resource "aws_security_group" "workload" {
  name                   = "${var.name}-workload"
  description            = "Jobs: they talk to each other and to services over TLS; nothing reaches them from outside."
  vpc_id                 = local.vpc_id
  revoke_rules_on_delete = true
  tags                   = merge(var.tags, { Name = "${var.name}-workload" })
}

resource "aws_vpc_security_group_ingress_rule" "workload" {
  security_group_id            = aws_security_group.workload.id
  description                  = "Distributed jobs talk to each other."
  referenced_security_group_id = aws_security_group.workload.id
  ip_protocol                  = "-1"
  tags                         = var.tags
}

resource "aws_vpc_security_group_egress_rule" "workload_peers" {
  security_group_id            = aws_security_group.workload.id
  description                  = "Distributed jobs talk to each other."
  referenced_security_group_id = aws_security_group.workload.id
  ip_protocol                  = "-1"
  tags                         = var.tags
}

# Addresses of S3 are outside the network's range, so the port is what confines this.
resource "aws_vpc_security_group_egress_rule" "workload_tls" {
  security_group_id = aws_security_group.workload.id
  description       = "TLS to AWS services, the ZenML server and MLflow."
  cidr_ipv4         = "0.0.0.0/0"
  from_port         = 443
  to_port           = 443
  ip_protocol       = "tcp"
  tags              = var.tags
}
