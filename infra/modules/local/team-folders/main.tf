# One team's folders on this machine: what buckets and databases are on a cloud.

locals {
  _folders = {
    for kind in ["artifacts", "audit", "data", "mlflow", "registry"] : kind => "${var.folder}/${kind}"
  }
}

resource "terraform_data" "folder" {
  for_each = local._folders

  # A map, because a provisioner that runs on destroy sees nothing but self.
  triggers_replace = { folder = each.value }

  # Paths go through the environment: nothing in a path can then be read as shell.
  provisioner "local-exec" {
    command     = file("${path.module}/create.sh")
    environment = { FOLDER = self.triggers_replace.folder }
    quiet       = true
  }

  provisioner "local-exec" {
    when        = destroy
    command     = file("${path.module}/remove.sh")
    environment = { FOLDER = self.triggers_replace.folder }
    quiet       = true
  }
}
