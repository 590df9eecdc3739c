provider "aws" {
  region              = local.aws.region
  allowed_account_ids = [local.aws.account_id] # another account's credentials are refused before anything is read

  default_tags {
    tags = local.labels
  }
}
