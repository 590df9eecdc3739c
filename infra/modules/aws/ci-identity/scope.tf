# What belongs to this environment, by the names that environments/names.yaml gives things.
locals {
  _arn = { for service in ["budgets", "ce", "ec2", "ecr", "eks", "iam", "kms", "logs", "secretsmanager", "sns"] : service => join(":", [
    "arn", local._partition, service, contains(["budgets", "ce", "iam"], service) ? "" : local._region, local._account
  ]) }

  scope = {
    budgets = ["${local._arn.budgets}:budget/*"]
    cluster = var.cluster == null ? [] : [
      for kind in ["access-entry/${var.cluster}/*", "cluster/${var.cluster}", "podidentityassociation/${var.cluster}/*"] :
      "${local._arn.eks}:${kind}"
    ]
    costs    = ["${local._arn.ce}:anomalymonitor/*", "${local._arn.ce}:anomalysubscription/*"]
    keys     = ["${local._arn.kms}:alias/${var.environment}", "${local._arn.kms}:key/*"]
    logs     = ["${local._arn.logs}:log-group:*"]
    provider = [aws_iam_openid_connect_provider.github.arn]
    registry = ["${local._arn.ecr}:repository/*-${var.environment}"]
    secrets  = ["${local._arn.secretsmanager}:secret:*-${var.environment}-*"]
    topics   = ["${local._arn.sns}:*-budget"]

    buckets = [
      for suffix in ["*-${var.environment}-artifacts", "*-${var.environment}-audit", "${var.environment}-access-logs"] :
      "arn:${local._partition}:s3:::${var.prefix}-${suffix}"
    ]
    ci_roles = [for name in values(var.role_names) : "${local._arn.iam}:role/${name}"]
    roles = [
      for name in ["*-${var.environment}-cl", "*-${var.environment}-wl", "${var.environment}-flow-log"] :
      "${local._arn.iam}:role/${name}"
    ]
    policies = ["${local._arn.iam}:policy/${var.environment}-boundary"]
  }
  _state_arn = "arn:${local._partition}:s3:::${var.state_bucket}"
}
