output "client_group" {
  description = "Group that the client is in the cluster, once EKS knows it."
  value       = one(aws_eks_access_entry.client.kubernetes_groups)
}
