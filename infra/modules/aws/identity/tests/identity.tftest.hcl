mock_provider "aws" {
  source = "../mocks"
}

variables {
  client_name   = "oncology-production-cl"
  orchestrator  = "sagemaker"
  team          = "oncology"
  workload_name = "oncology-production-wl"
}

run "airflow" {
  variables {
    orchestrator = "airflow"
  }
  assert {
    condition     = jsonencode(local.services) == jsonencode(["airflow-env.amazonaws.com", "airflow.amazonaws.com"])
    error_message = "The workload role must trust exactly the services of airflow."
  }
  assert {
    condition     = flatten([for s in local._client_statements : s.Condition.StringEquals["iam:PassedToService"] if s.Sid == "PassWorkloadRole"]) == ["airflow-env.amazonaws.com", "airflow.amazonaws.com"]
    error_message = "The workload role may be passed to exactly the services that act as it."
  }
}

run "kubernetes" {
  variables {
    cluster      = "ml"
    orchestrator = "kubernetes"
  }
  assert {
    condition     = jsonencode(local.services) == jsonencode(["pods.eks.amazonaws.com"])
    error_message = "The workload role must trust exactly the services of kubernetes."
  }
  assert {
    condition     = flatten([for s in local._client_statements : s.Condition.StringEquals["iam:PassedToService"] if s.Sid == "PassWorkloadRole"]) == []
    error_message = "The workload role may be passed to exactly the services that act as it."
  }
}

run "local" {
  variables {
    orchestrator = "local"
  }
  assert {
    condition     = jsonencode(local.services) == jsonencode([])
    error_message = "The workload role must trust exactly the services of local."
  }
  assert {
    condition     = flatten([for s in local._client_statements : s.Condition.StringEquals["iam:PassedToService"] if s.Sid == "PassWorkloadRole"]) == []
    error_message = "The workload role may be passed to exactly the services that act as it."
  }
}

run "sagemaker" {
  variables {
    orchestrator = "sagemaker"
  }
  assert {
    condition     = jsonencode(local.services) == jsonencode(["sagemaker.amazonaws.com", "scheduler.amazonaws.com"])
    error_message = "The workload role must trust exactly the services of sagemaker."
  }
  assert {
    condition     = flatten([for s in local._client_statements : s.Condition.StringEquals["iam:PassedToService"] if s.Sid == "PassWorkloadRole"]) == ["sagemaker.amazonaws.com", "scheduler.amazonaws.com"]
    error_message = "The workload role may be passed to exactly the services that act as it."
  }
}

run "step_operator_beside_kubernetes" {
  variables {
    cluster       = "ml"
    orchestrator  = "kubernetes"
    step_operator = "sagemaker"
  }
  assert {
    condition     = contains(local.services, "sagemaker.amazonaws.com") && contains([for s in local._workload_statements : s.Sid], "RunJobs")
    error_message = "Steps on SageMaker need its trust and the right to run jobs."
  }
  assert {
    condition     = !contains([for s in local._client_statements : s.Sid], "CreateOwnPipelines")
    error_message = "A step operator makes no pipelines."
  }
}

run "local_needs_no_cloud_rights" {
  variables {
    orchestrator = "local"
  }
  assert {
    condition     = [for s in local._client_statements : s.Sid] == ["AssumeWorkload"] && length(aws_iam_role_policy.workload) == 0
    error_message = "A local orchestrator uses no service."
  }
}

run "workflows_act_as_the_client_only_by_an_exact_subject" {
  variables {
    github = { provider_arn = "arn:aws:iam::333333333333:oidc-provider/token.actions.githubusercontent.com", subject = "repo:acme/groundwork:environment:production" }
  }
  assert {
    condition     = [for s in data.aws_iam_policy_document.client_trust.statement : s.sid] == ["People", "Workflows"]
    error_message = "The workflow's statement must be there."
  }
}

run "refuses_a_subject_with_a_wildcard" {
  command = plan
  variables {
    github = { provider_arn = "arn:aws:iam::333333333333:oidc-provider/x", subject = "repo:acme/*" }
  }
  expect_failures = [var.github]
}

run "refuses_kubernetes_without_a_cluster" {
  command = plan
  variables {
    orchestrator = "kubernetes"
  }
  expect_failures = [var.cluster]
}

run "refuses_an_unknown_orchestrator" {
  command = plan
  variables {
    orchestrator = "batch"
  }
  expect_failures = [var.orchestrator]
}

run "refuses_one_name_for_both_roles" {
  command = plan
  variables {
    workload_name = "oncology-production-cl"
  }
  expect_failures = [var.workload_name]
}
