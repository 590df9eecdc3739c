mock_provider "aws" {
  source = "../mocks"
}

variables {
  environment          = "production"
  permissions_boundary = "arn:aws:iam::333333333333:policy/production-boundary"
  prefix               = "acme-ml"
  repository           = { owner = "acme", name = "groundwork" }
  role_names           = { apply = "production-apply", plan = "production-plan" }
  state_bucket         = "acme-ml-production-tfstate"
}

run "by_name" {
  assert {
    condition     = output.environment_subject == "repo:acme/groundwork:environment:production"
    error_message = "Jobs of the workflow environment have this subject."
  }
  assert {
    condition     = local.roles.apply.test == "StringEquals" && local.roles.plan.test == "StringLike"
    error_message = "Only the plan role may be had from any ref."
  }
}

run "by_immutable_ids" {
  variables {
    repository = { owner = "acme", name = "groundwork", owner_id = 12, repository_id = 34 }
  }
  assert {
    condition     = output.environment_subject == "repo:acme@12/groundwork@34:environment:production"
    error_message = "With ids the subject holds them."
  }
}

run "apply_role_cannot_raise_its_own_rights" {
  assert {
    condition     = [for s in data.aws_iam_policy_document.write.statement : s.effect if s.sid == "DenyOwnRights"] == ["Deny"]
    error_message = "The apply role must not change its own rights."
  }
  assert {
    condition     = [for s in data.aws_iam_policy_document.write.statement : one(s.condition).variable if s.sid == "CreateBoundRoles"] == ["iam:PermissionsBoundary"]
    error_message = "Every role it makes must be bounded."
  }
}

run "plan_role_reads_no_secret_and_no_artifact" {
  assert {
    condition     = !contains(flatten([for s in data.aws_iam_policy_document.read.statement : s.actions]), "secretsmanager:GetSecretValue")
    error_message = "A plan from any ref must not read a secret's value."
  }
  assert {
    condition     = length([for s in data.aws_iam_policy_document.read.statement : s if contains(s.actions, "s3:GetObject") && s.sid != "ReadState"]) == 0
    error_message = "A plan reads no object but the state."
  }
  assert {
    condition     = toset(flatten([for s in data.aws_iam_policy_document.read.statement : tolist(s.resources) if length(setintersection(s.actions, ["s3:DeleteObject", "s3:PutObject"])) > 0])) == toset(["arn:aws:s3:::${var.state_bucket}/*.tflock"])
    error_message = "A plan writes the state's lock, and no other object."
  }
}

run "refuses_one_id_without_the_other" {
  command = plan
  variables {
    repository = { owner = "acme", name = "groundwork", owner_id = 12 }
  }
  expect_failures = [var.repository]
}

run "refuses_a_wildcard" {
  command = plan
  variables {
    repository = { owner = "acme", name = "*" }
  }
  expect_failures = [var.repository]
}
