variable "folder" {
  description = "Absolute path of the team's folder. Its own folders are made below it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^/[^/]", var.folder)) && !endswith(var.folder, "/")
    error_message = "folder must be an absolute path below / with no slash at its end, such as /home/ada/groundwork/environments/dev/oncology; found '${var.folder}'."
  }

  validation {
    condition     = !can(regex("[?[:cntrl:]]", var.folder))
    error_message = "folder goes into a database URL, so it may hold no '?' and no control character; found '${var.folder}'. Move the checkout, or set local.root in the environment's file to another folder."
  }
}
