# A state remembers which environment and cloud it belongs to. Settings of another are refused when planning, and
# destroying is refused unless the environment is named, also to whoever runs `terraform destroy` by hand.
#
# Why no prevent_destroy: it would refuse a destroy that is meant just as well, and getting round it means taking the
# guard out of the state first, which leaves the state unguarded should the destroy then fail.

resource "terraform_data" "guard" {
  input = {
    cloud       = var.cloud
    environment = var.environment
  }

  lifecycle {
    ignore_changes = [input] # what was recorded first stays

    postcondition {
      condition     = self.output.cloud == var.cloud && self.output.environment == var.environment
      error_message = "This state belongs to '${self.output.environment}' on '${self.output.cloud}', and these are the settings of '${var.environment}' on '${var.cloud}'. Nothing was changed. Use the state of '${var.environment}', or the settings of '${self.output.environment}'."
    }
  }

  provisioner "local-exec" {
    when        = destroy
    command     = file("${path.module}/confirm.sh")
    environment = { ENVIRONMENT = self.output.environment }
    quiet       = true
  }
}
