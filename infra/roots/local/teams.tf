# What each team has, and the platform beside them.

module "team_folders" {
  source   = "../../modules/local/team-folders"
  for_each = local.teams
  folder   = "${var.ground}/environments/${each.value.names.folder}"
}
