# What every module's tests take AWS to answer: values whose form the provider checks.

mock_data "aws_availability_zones" {
  defaults = { names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"] }
}

mock_data "aws_caller_identity" {
  defaults = { account_id = "333333333333" }
}

mock_data "aws_iam_policy_document" {
  defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
}

mock_data "aws_partition" {
  defaults = { partition = "aws" }
}

mock_data "aws_region" {
  defaults = { name = "eu-central-1" }
}

mock_resource "aws_ce_anomaly_monitor" {
  defaults = { arn = "arn:aws:ce::333333333333:anomalymonitor/1" }
}

mock_resource "aws_cloudwatch_log_group" {
  defaults = { arn = "arn:aws:logs:eu-central-1:333333333333:log-group:/groundwork" }
}

mock_resource "aws_ecr_repository" {
  defaults = {
    arn            = "arn:aws:ecr:eu-central-1:333333333333:repository/oncology-production"
    repository_url = "333333333333.dkr.ecr.eu-central-1.amazonaws.com/oncology-production"
  }
}

mock_resource "aws_ecs_cluster" {
  defaults = { arn = "arn:aws:ecs:eu-central-1:333333333333:cluster/server-production" }
}

mock_resource "aws_ecs_task_definition" {
  defaults = { arn = "arn:aws:ecs:eu-central-1:333333333333:task-definition/server-production-zenml:1" }
}

mock_resource "aws_iam_openid_connect_provider" {
  defaults = { arn = "arn:aws:iam::333333333333:oidc-provider/token.actions.githubusercontent.com" }
}

mock_resource "aws_iam_policy" {
  defaults = { arn = "arn:aws:iam::333333333333:policy/production-boundary" }
}

mock_resource "aws_iam_role" {
  defaults = { arn = "arn:aws:iam::333333333333:role/role" }
}

mock_resource "aws_kms_key" {
  defaults = { arn = "arn:aws:kms:eu-central-1:333333333333:key/1", key_id = "1" }
}

mock_resource "aws_lb" {
  defaults = { arn = "arn:aws:elasticloadbalancing:eu-central-1:333333333333:loadbalancer/app/server-production/1" }
}

mock_resource "aws_lb_listener" {
  defaults = { arn = "arn:aws:elasticloadbalancing:eu-central-1:333333333333:listener/app/server-production/1/2" }
}

mock_resource "aws_lb_target_group" {
  defaults = { arn = "arn:aws:elasticloadbalancing:eu-central-1:333333333333:targetgroup/server-production-zenml/1" }
}

mock_resource "aws_s3_bucket" {
  defaults = { arn = "arn:aws:s3:::bucket" }
}

mock_resource "aws_secretsmanager_secret" {
  defaults = { arn = "arn:aws:secretsmanager:eu-central-1:333333333333:secret:secret" }
}

mock_resource "aws_sns_topic" {
  defaults = { arn = "arn:aws:sns:eu-central-1:333333333333:topic" }
}

mock_resource "aws_vpc" {
  defaults = { id = "vpc-0123456789abcdef0" }
}
