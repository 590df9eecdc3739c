variables {
  folder = "/tmp/groundwork/environments/dev/oncology"
}

run "a_folder_of_each_kind" {
  command = plan

  assert {
    condition     = keys(terraform_data.folder) == ["artifacts", "audit", "data", "mlflow", "registry"]
    error_message = "A team has five folders."
  }

  assert {
    condition     = output.folders.mlflow == "/tmp/groundwork/environments/dev/oncology/mlflow"
    error_message = "A folder is named after what it holds."
  }
}

run "a_relative_folder_is_refused" {
  command         = plan
  expect_failures = [var.folder]

  variables {
    folder = "environments/dev/oncology"
  }
}

run "the_root_of_the_machine_is_refused" {
  command         = plan
  expect_failures = [var.folder]

  variables {
    folder = "/"
  }
}

run "a_folder_that_would_break_a_database_url_is_refused" {
  command         = plan
  expect_failures = [var.folder]

  variables {
    folder = "/tmp/what?/oncology"
  }
}
