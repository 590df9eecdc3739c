mock_provider "aws" {
  source = "../mocks"
}

variables {
  alert_at    = [0.5, 0.8, 1]
  amount      = 600
  emails      = ["oncology-ml@example.com"]
  filter_tags = { team = "oncology" }
  kms_key_arn = "arn:aws:kms:eu-central-1:333333333333:key/1"
  name        = "oncology-production"
}

run "alerts_at_each_share_and_on_the_forecast" {
  assert {
    condition     = toset([for n in aws_budgets_budget.this["this"].notification : "${n.notification_type} ${n.threshold}"]) == toset(["ACTUAL 50", "ACTUAL 80", "ACTUAL 100", "FORECASTED 100"])
    error_message = "One alert for each share, and one for the forecast."
  }
  assert {
    condition     = one(one(aws_budgets_budget.this["this"].cost_filter).values) == "user:team$oncology"
    error_message = "Only the team's spend counts."
  }
  assert {
    condition     = length(aws_ce_anomaly_monitor.this) == 0
    error_message = "No anomaly detection unless asked for."
  }
}

run "detects_anomalies" {
  variables {
    anomaly_impact = 60
    filter_tags    = { environment = "production" }
  }
  assert {
    condition     = jsondecode(aws_ce_anomaly_monitor.this["this"].monitor_specification).Tags.Values == ["production"]
    error_message = "The monitor watches the tag."
  }
}

run "no_budget" {
  variables {
    amount         = null
    anomaly_impact = 60
  }
  assert {
    condition     = output.name == null && output.topic_arn == null && length(aws_sns_topic_subscription.email) == 0 && length(aws_ce_anomaly_monitor.this) == 0
    error_message = "Without a budget nothing is made."
  }
}

run "refuses_a_currency_that_aws_does_not_reckon_in" {
  command = plan
  variables {
    currency = "EUR"
  }
  expect_failures = [var.currency]
}

run "refuses_two_tags" {
  command = plan
  variables {
    filter_tags = { team = "oncology", environment = "production" }
  }
  expect_failures = [var.filter_tags]
}
