# One MySQL for the server and the trackers, each with a database of its own in it.

locals {
  _database = {
    GROUNDWORK_DATABASE_HOST = aws_db_instance.this.address
    GROUNDWORK_DATABASE_PORT = "3306"
    GROUNDWORK_DATABASE_USER = aws_db_instance.this.username
  }
  _major = join(".", slice(split(".", var.database.version), 0, 2))
}

resource "aws_db_subnet_group" "this" {
  name        = var.name
  description = "Private subnets of ${var.name}."
  subnet_ids  = var.subnet_ids
  tags        = var.tags
}

resource "aws_db_parameter_group" "this" {
  name        = var.name
  description = "TLS for everybody, and what slow queries are."
  family      = "mysql${local._major}"
  tags        = var.tags
  parameter {
    name  = "require_secure_transport"
    value = "1"
  }
  parameter {
    name  = "slow_query_log"
    value = "1"
  }
}

resource "aws_db_instance" "this" {
  identifier                          = var.name
  allocated_storage                   = var.database.storage_gb
  apply_immediately                   = false # in the window, but for what the next plan says otherwise
  auto_minor_version_upgrade          = true
  backup_retention_period             = var.database.backup_days
  backup_window                       = "01:00-02:00"
  ca_cert_identifier                  = "rds-ca-rsa2048-g1"
  copy_tags_to_snapshot               = true
  db_subnet_group_name                = aws_db_subnet_group.this.name
  delete_automated_backups            = !var.protected
  deletion_protection                 = var.protected
  enabled_cloudwatch_logs_exports     = ["error", "slowquery"]
  engine                              = "mysql"
  engine_version                      = var.database.version
  final_snapshot_identifier           = "${var.name}-last"
  iam_database_authentication_enabled = true
  instance_class                      = var.database.class
  kms_key_id                          = var.kms_key_arn
  maintenance_window                  = "sun:02:30-sun:03:30"
  max_allocated_storage               = var.database.storage_gb * 4
  monitoring_interval                 = 60
  monitoring_role_arn                 = aws_iam_role.this["monitor"].arn
  multi_az                            = true
  parameter_group_name                = aws_db_parameter_group.this.name
  password_wo                         = var.database_password
  password_wo_version                 = var.database.password_version
  performance_insights_enabled        = true
  performance_insights_kms_key_id     = var.kms_key_arn
  publicly_accessible                 = false
  skip_final_snapshot                 = false
  storage_encrypted                   = true
  storage_type                        = "gp3"
  tags                                = var.tags
  username                            = "groundwork"
  vpc_security_group_ids              = [aws_security_group.database.id]
  depends_on                          = [aws_iam_role_policy.monitor]
}

resource "aws_security_group" "database" {
  name                   = "${var.name}-database"
  description            = "The database: containers of the server reach it, and nothing else does."
  vpc_id                 = var.vpc_id
  revoke_rules_on_delete = true
  tags                   = merge(var.tags, { Name = "${var.name}-database" })
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  security_group_id            = aws_security_group.database.id
  description                  = "From the containers of the server."
  referenced_security_group_id = aws_security_group.service.id
  from_port                    = 3306
  to_port                      = 3306
  ip_protocol                  = "tcp"
  tags                         = var.tags
}
