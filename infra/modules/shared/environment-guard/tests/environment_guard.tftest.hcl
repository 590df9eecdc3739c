variables {
  cloud       = "local"
  environment = "dev"
}

run "the_state_records_where_it_belongs" {
  command = plan

  assert {
    condition     = terraform_data.guard.input == { cloud = "local", environment = "dev" }
    error_message = "The guard records the environment and the cloud."
  }
}

run "an_unknown_cloud_is_refused" {
  command         = plan
  expect_failures = [var.cloud]

  variables {
    cloud = "loca"
  }
}

run "an_environment_that_is_no_file_name_is_refused" {
  command         = plan
  expect_failures = [var.environment]

  variables {
    environment = "../production"
  }
}
