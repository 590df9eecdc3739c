# Who a team is in an EKS cluster: its client is a group that a RoleBinding names, its pods are its workload role.
resource "aws_eks_access_entry" "client" {
  cluster_name      = var.cluster
  principal_arn     = var.client_arn
  kubernetes_groups = [var.client_group]
  tags              = var.tags
}

resource "aws_eks_pod_identity_association" "pods" {
  for_each        = toset(var.accounts)
  cluster_name    = var.cluster
  namespace       = var.namespace
  role_arn        = var.workload_arn
  service_account = each.value
  tags            = var.tags
}
