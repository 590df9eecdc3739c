# Who is alerted of what. Each team has policies of its own, so that one more team changes nobody else's.
locals {
  # Entries of Vertex AI name no team, so every team hears of each failed run in the environment.
  pipeline_failed = {
    documentation = "A Vertex AI pipeline or job failed. Its log names the step; the ZenML dashboard shows the run."
    filter        = "resource.type=(\"aiplatform.googleapis.com/PipelineJob\" OR \"ml_job\") AND severity>=ERROR"
    severity      = "ERROR"
  }

  access_changed = merge(
    { for team in keys(local.teams) : team => {
      documentation = "Somebody changed who may use what is the team's. Compare with the last apply."
      filter = join(" AND ", [
        "log_id(\"cloudaudit.googleapis.com/activity\")",
        "protoPayload.methodName=~\"(?i)setIam(Policy|Permissions)$\"",
        "(protoPayload.resourceName=~\"/(${join("|", local.watched[team])})$\" OR resource.labels.email_id=~\"^(${local.name[team].client}|${local.name[team].workload})@\")",
      ])
    } },
    { platform = {
      documentation = "Somebody changed who may do what in this project. Compare with the last apply."
      filter        = "log_id(\"cloudaudit.googleapis.com/activity\") AND protoPayload.methodName=\"SetIamPolicy\""
    } },
  )

  # Ends of the resource names that audit logs give to what is a team's.
  watched = { for team, name in local.name : team => concat(
    [
      "buckets/${name.artifact_store}",
      "buckets/${name.audit_store}",
      "cryptoKeys/${team}",
      "repositories/${name.registry}",
    ],
    [for key in keys(local.gcp.secrets) : "secrets/${replace(name.secret, "{key}", key)}"],
  ) }
}

module "alerts" {
  source     = "../../modules/gcp/alerts"
  for_each   = local.teams
  alerts     = { "access changed" = local.access_changed[each.key], "pipeline failed" = local.pipeline_failed }
  emails     = { for email in distinct(each.value.owners) : email => email }
  labels     = local.team_labels[each.key]
  name       = each.key == "platform" ? local.base : local.name[each.key].stack
  project_id = module.project.id
}
