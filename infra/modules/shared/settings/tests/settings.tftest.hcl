variables {
  cloud       = "gcp"
  environment = "production"
}

run "a_folder_without_names_is_refused" {
  command         = plan
  expect_failures = [var.settings]

  variables {
    settings = "/nowhere"
  }
}
