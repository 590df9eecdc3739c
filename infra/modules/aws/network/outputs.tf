output "security_group_id" {
  description = "Id of the security group for jobs, once its rules exist."
  value       = aws_security_group.workload.id
  depends_on = [
    aws_vpc_security_group_egress_rule.workload_peers,
    aws_vpc_security_group_egress_rule.workload_tls,
    aws_vpc_security_group_ingress_rule.workload,
  ]
}

output "subnet_ids" {
  description = "Ids of the private subnets, once they are routed and the services can be reached from them."
  value       = local.subnet_ids
  depends_on  = [aws_route_table_association.private, aws_vpc_endpoint.interface, aws_vpc_endpoint.s3]
}

output "vpc_id" {
  description = "Id of the network."
  value       = local.vpc_id
}
