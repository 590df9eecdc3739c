# What a role needs to place a job in this network: an interface in these subnets and this group, and no other.
data "aws_iam_policy_document" "user" {
  statement {
    sid       = "FindNetwork"
    actions   = ["ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"]
    resources = ["*"] # EC2 describes name no resource
  }
  statement {
    sid     = "PlaceInterface"
    actions = ["ec2:CreateNetworkInterface"]
    resources = concat(
      ["${local._ec2_arn}:network-interface/*", "${local._ec2_arn}:security-group/${aws_security_group.workload.id}"],
      [for id in local.subnet_ids : "${local._ec2_arn}:subnet/${id}"],
    )
  }
  statement {
    sid = "UseInterface"
    actions = [
      "ec2:CreateNetworkInterfacePermission",
      "ec2:DeleteNetworkInterface",
      "ec2:DeleteNetworkInterfacePermission",
    ]
    resources = ["${local._ec2_arn}:network-interface/*"]
    condition {
      test     = "StringEquals"
      variable = "ec2:Vpc"
      values   = ["${local._ec2_arn}:vpc/${local.vpc_id}"]
    }
  }
}

data "aws_partition" "current" {}

locals {
  _ec2_arn = join(":", [
    "arn", data.aws_partition.current.partition, "ec2", data.aws_region.current.name, data.aws_caller_identity.current.account_id
  ])
}

resource "aws_iam_role_policy" "user" {
  for_each = var.users
  name     = "network"
  role     = each.value
  policy   = data.aws_iam_policy_document.user.json
}
