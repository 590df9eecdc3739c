mock_provider "aws" {
  source = "../mocks"
}

variables {
  accounts     = ["workload", "step"]
  client_arn   = "arn:aws:iam::333333333333:role/production-oncology-client"
  client_group = "acme-ml-oncology-production"
  cluster      = "acme"
  namespace    = "acme-ml-oncology-production"
  workload_arn = "arn:aws:iam::333333333333:role/production-oncology-workload"
}

run "pods_of_the_namespace_alone_get_the_role" {
  assert {
    condition = (
      toset(keys(aws_eks_pod_identity_association.pods)) == toset(["step", "workload"]) &&
      alltrue([for it in aws_eks_pod_identity_association.pods : it.namespace == var.namespace && it.role_arn == var.workload_arn])
    )
    error_message = "Another namespace or role is bound."
  }
}

run "kubernetes_own_groups_are_refused" {
  command         = plan
  expect_failures = [var.client_group]

  variables {
    client_group = "system:masters"
  }
}
