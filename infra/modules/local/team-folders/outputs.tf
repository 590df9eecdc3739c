output "folders" {
  description = "Absolute path of each folder, by what it holds: artifacts, audit, data, mlflow, registry."
  value       = local._folders
  depends_on  = [terraform_data.folder] # a path is of use once its folder is there
}
