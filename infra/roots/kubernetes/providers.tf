# The store's own keys come as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; nothing of AWS is asked.
provider "aws" {
  region                      = local.kubernetes.store.region
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true

  endpoints {
    s3 = local.kubernetes.store.endpoint
  }

  default_tags {
    tags = local.teams["platform"].labels
  }
}
