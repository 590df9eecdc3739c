# Each service is a container of one image behind one name: ZenML's server, and a page for each tracker.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  _account = data.aws_caller_identity.current.account_id
  _region  = data.aws_region.current.name
  _port    = 8080
  _scratch = "/var/lib/groundwork" # the only place that a container may write to; the image says whose it is
}

resource "aws_ecs_cluster" "this" {
  name = var.name
  tags = var.tags
  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_task_definition" "this" {
  for_each                 = var.services
  family                   = "${var.name}-${each.key}"
  cpu                      = each.value.cpu
  memory                   = each.value.memory
  execution_role_arn       = aws_iam_role.this["start"].arn
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  tags                     = var.tags
  task_role_arn            = aws_iam_role.this["task"].arn
  container_definitions = jsonencode([{
    name                   = each.key
    image                  = var.image
    command                = each.value.command
    essential              = true
    linuxParameters        = { initProcessEnabled = true, capabilities = { add = [], drop = ["ALL"] } }
    mountPoints            = [{ containerPath = local._scratch, readOnly = false, sourceVolume = "scratch" }]
    portMappings           = [{ containerPort = local._port, hostPort = local._port, protocol = "tcp" }]
    privileged             = false
    readonlyRootFilesystem = true
    stopTimeout            = 60
    systemControls         = []
    user                   = "10001:10001"
    volumesFrom            = []
    environment = [
      for key, value in merge(each.value.environment, local._database, { AWS_REGION = local._region, GROUNDWORK_SERVER_PORT = tostring(local._port) }) :
      { name = key, value = value }
    ]
    healthCheck = {
      command     = ["CMD", "python", "-m", "governance.server.container", "probe"]
      interval    = 30
      retries     = 3
      startPeriod = 180
      timeout     = 10
    }
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = var.log_group
        awslogs-region        = local._region
        awslogs-stream-prefix = each.key
      }
    }
    secrets = [for key, arn in each.value.secrets : { name = key, valueFrom = arn }]
  }])
  volume {
    name = "scratch"
  }
}

resource "aws_ecs_service" "this" {
  for_each                           = var.services
  name                               = each.key
  cluster                            = aws_ecs_cluster.this.arn
  deployment_maximum_percent         = 200
  deployment_minimum_healthy_percent = 100 # a new task answers before an old one goes
  desired_count                      = var.replicas.least
  enable_ecs_managed_tags            = true
  health_check_grace_period_seconds  = 180
  launch_type                        = "FARGATE"
  platform_version                   = "LATEST"
  propagate_tags                     = "SERVICE"
  tags                               = var.tags
  task_definition                    = aws_ecs_task_definition.this[each.key].arn
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }
  load_balancer {
    container_name   = each.key
    container_port   = local._port
    target_group_arn = aws_lb_target_group.this[each.key].arn
  }
  network_configuration {
    assign_public_ip = false
    security_groups  = [aws_security_group.service.id]
    subnets          = var.subnet_ids
  }
  lifecycle {
    ignore_changes = [desired_count] # what the scaling below has made of it
  }
  depends_on = [aws_db_instance.this, aws_iam_role_policy.start, aws_iam_role_policy.task, aws_lb_listener_rule.this]
}

resource "aws_appautoscaling_target" "this" {
  for_each           = var.services
  max_capacity       = var.replicas.most
  min_capacity       = var.replicas.least
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.this[each.key].name}"
  scalable_dimension = "ecs:service:DesiredCount"
  service_namespace  = "ecs"
  tags               = var.tags
}

resource "aws_appautoscaling_policy" "this" {
  for_each           = var.services
  name               = "cpu"
  policy_type        = "TargetTrackingScaling"
  resource_id        = aws_appautoscaling_target.this[each.key].resource_id
  scalable_dimension = aws_appautoscaling_target.this[each.key].scalable_dimension
  service_namespace  = aws_appautoscaling_target.this[each.key].service_namespace
  target_tracking_scaling_policy_configuration {
    scale_in_cooldown  = 300
    scale_out_cooldown = 60
    target_value       = 60 # per cent of what the tasks have
    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

resource "aws_security_group" "service" {
  name                   = "${var.name}-service"
  description            = "Containers: the load balancer reaches them, they reach the database and services over TLS."
  vpc_id                 = var.vpc_id
  revoke_rules_on_delete = true
  tags                   = merge(var.tags, { Name = "${var.name}-service" })
}

resource "aws_vpc_security_group_ingress_rule" "service" {
  security_group_id            = aws_security_group.service.id
  description                  = "From the load balancer."
  referenced_security_group_id = aws_security_group.balancer.id
  from_port                    = local._port
  to_port                      = local._port
  ip_protocol                  = "tcp"
  tags                         = var.tags
}

resource "aws_vpc_security_group_egress_rule" "service_database" {
  security_group_id            = aws_security_group.service.id
  description                  = "The database."
  referenced_security_group_id = aws_security_group.database.id
  from_port                    = 3306
  to_port                      = 3306
  ip_protocol                  = "tcp"
  tags                         = var.tags
}

# Addresses of S3 are outside the network's range, so the port is what confines this. It also leads trackers' pages to
# ZenML's server, through the load balancer, to ask who somebody is.
resource "aws_vpc_security_group_egress_rule" "service_tls" {
  security_group_id = aws_security_group.service.id
  description       = "TLS to AWS services and the load balancer."
  cidr_ipv4         = "0.0.0.0/0"
  from_port         = 443
  to_port           = 443
  ip_protocol       = "tcp"
  tags              = var.tags
}
