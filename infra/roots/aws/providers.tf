provider "aws" {
  region              = local.settings.region
  allowed_account_ids = [local.settings.account_id] # another account's credentials are refused before anything is read

  default_tags {
    tags = local.labels.platform
  }
}
