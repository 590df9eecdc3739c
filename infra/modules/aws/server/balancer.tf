# The load balancer is inside the network too: who uses the server comes by a private connection.

resource "aws_lb" "this" {
  name                       = var.name
  desync_mitigation_mode     = "strictest"
  drop_invalid_header_fields = true
  enable_deletion_protection = var.protected
  internal                   = true
  load_balancer_type         = "application"
  security_groups            = [aws_security_group.balancer.id]
  subnets                    = var.subnet_ids
  tags                       = var.tags
  access_logs {
    bucket  = var.access_log.bucket
    enabled = true
    prefix  = var.name
  }
}

resource "aws_lb_target_group" "this" {
  for_each             = var.services
  name                 = "${var.name}-${each.key}"
  deregistration_delay = 60
  port                 = local._port
  protocol             = "HTTP"
  target_type          = "ip"
  vpc_id               = var.vpc_id
  tags                 = var.tags
  health_check {
    healthy_threshold   = 2
    interval            = 10
    matcher             = "200"
    path                = each.value.health_path
    timeout             = 5
    unhealthy_threshold = 3
  }
}

resource "aws_lb_listener" "this" {
  load_balancer_arn = aws_lb.this.arn
  certificate_arn   = var.certificate_arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  tags              = var.tags
  default_action {
    type = "fixed-response"
    fixed_response {
      content_type = "text/plain"
      message_body = "Nothing is served under this name."
      status_code  = "404"
    }
  }
}

resource "aws_lb_listener_rule" "this" {
  for_each     = var.services
  listener_arn = aws_lb_listener.this.arn
  tags         = var.tags
  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this[each.key].arn
  }
  condition {
    host_header {
      values = [each.value.host]
    }
  }
}

resource "aws_security_group" "balancer" {
  name                   = "${var.name}-balancer"
  description            = "The load balancer: clients reach it over TLS, it reaches the containers of the server."
  vpc_id                 = var.vpc_id
  revoke_rules_on_delete = true
  tags                   = merge(var.tags, { Name = "${var.name}-balancer" })
}

resource "aws_vpc_security_group_ingress_rule" "balancer" {
  for_each          = var.clients
  security_group_id = aws_security_group.balancer.id
  description       = "TLS from those who use the server."
  cidr_ipv4         = each.value
  from_port         = 443
  to_port           = 443
  ip_protocol       = "tcp"
  tags              = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "balancer_service" {
  security_group_id            = aws_security_group.balancer.id
  description                  = "TLS from pages of trackers, which ask the server of ZenML who somebody is."
  referenced_security_group_id = aws_security_group.service.id
  from_port                    = 443
  to_port                      = 443
  ip_protocol                  = "tcp"
  tags                         = var.tags
}

resource "aws_vpc_security_group_egress_rule" "balancer" {
  security_group_id            = aws_security_group.balancer.id
  description                  = "The containers of the server."
  referenced_security_group_id = aws_security_group.service.id
  from_port                    = local._port
  to_port                      = local._port
  ip_protocol                  = "tcp"
  tags                         = var.tags
}
