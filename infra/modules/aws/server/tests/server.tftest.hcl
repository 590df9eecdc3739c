mock_provider "aws" {
  source = "../mocks"
}

variables {
  access_log       = { bucket = "acme-ml-server-production-logs" }
  certificate_arn  = "arn:aws:acm:eu-central-1:333333333333:certificate/00000000-0000-0000-0000-000000000000"
  clients          = ["10.0.0.0/8"]
  files_bucket     = "acme-ml-server-production-files"
  image            = "333333333333.dkr.ecr.eu-central-1.amazonaws.com/platform-production@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  image_repository = "platform-production"
  kms_key_arn      = "arn:aws:kms:eu-central-1:333333333333:key/1"
  log_group        = "/groundwork/server-production/server"
  name             = "server-production"
  replicas         = { least = 2, most = 6 }
  subnet_ids       = ["subnet-1", "subnet-2"]
  vpc_id           = "vpc-0123456789abcdef0"
  audit_logs       = { buckets = { production = "acme-ml-platform-production-audit" }, own = "acme-ml-platform-production-audit" }
  database = {
    backup_days      = 35
    class            = "db.m7g.large"
    password_version = 1
    storage_gb       = 50
    version          = "8.4"
  }
  services = {
    zenml = {
      command     = ["python", "-m", "governance.server.container", "zenml"]
      environment = {}
      health_path = "/ready"
      host        = "zenml.acme.example"
      secrets     = { GROUNDWORK_DATABASE_PASSWORD = "arn:aws:secretsmanager:eu-central-1:333333333333:secret:server-production-database-password-abcdef" }
    }
  }
  database_password = "correct-horse"
}

run "kept_and_private" {
  assert {
    condition     = aws_db_instance.this.multi_az && aws_db_instance.this.storage_encrypted && !aws_db_instance.this.publicly_accessible
    error_message = "The database is in two zones, encrypted and private."
  }
  assert {
    condition     = aws_db_instance.this.backup_retention_period == 35 && aws_db_instance.this.deletion_protection && !aws_db_instance.this.skip_final_snapshot
    error_message = "The database is backed up, and is not deleted by accident."
  }
  assert {
    condition     = one([for it in aws_db_parameter_group.this.parameter : it.value if it.name == "require_secure_transport"]) == "1"
    error_message = "The database takes no connection without TLS."
  }
  assert {
    condition     = aws_lb.this.internal && aws_lb.this.enable_deletion_protection && aws_lb_listener.this.protocol == "HTTPS"
    error_message = "The way in is private and by TLS."
  }
}

run "two_of_each" {
  assert {
    condition     = aws_ecs_service.this["zenml"].desired_count == 2 && aws_ecs_service.this["zenml"].deployment_minimum_healthy_percent == 100
    error_message = "One of two can go."
  }
  assert {
    condition     = strcontains(aws_ecs_task_definition.this["zenml"].container_definitions, "valueFrom") && !strcontains(aws_ecs_task_definition.this["zenml"].container_definitions, "correct-horse")
    error_message = "Secrets are references."
  }
}

run "let_go" {
  variables {
    protected = false
  }
  assert {
    condition     = !aws_db_instance.this.deletion_protection && !aws_lb.this.enable_deletion_protection
    error_message = "What is not protected can be deleted."
  }
}

run "refuses_one_replica" {
  command = plan
  variables {
    replicas = { least = 1, most = 6 }
  }
  expect_failures = [var.replicas]
}

run "refuses_an_image_that_can_move" {
  command = plan
  variables {
    image = "333333333333.dkr.ecr.eu-central-1.amazonaws.com/platform-production:latest"
  }
  expect_failures = [var.image]
}

run "refuses_the_whole_internet" {
  command = plan
  variables {
    clients = ["0.0.0.0/0"]
  }
  expect_failures = [var.clients]
}
