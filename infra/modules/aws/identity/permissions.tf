# What each orchestrator needs. Rights on a bucket, registry or secret live in the module that makes it.
locals {
  _sagemaker_arn  = "arn:${local._partition}:sagemaker:${local._region}:${local._account}"
  _sagemaker_jobs = ["${local._sagemaker_arn}:processing-job/*", "${local._sagemaker_arn}:training-job/*"]
  _sagemaker_logs = [
    for kind in ["ProcessingJobs", "TrainingJobs"] :
    "arn:${local._partition}:logs:${local._region}:${local._account}:log-group:/aws/sagemaker/${kind}:*"
  ]
  _own = { "aws:ResourceTag/team" = var.team }

  _pass_workload = [
    for services in length(local.passed_to) > 0 ? [sort(local.passed_to)] : [] : {
      Sid       = "PassWorkloadRole"
      Effect    = "Allow"
      Action    = ["iam:PassRole"]
      Resource  = [local.workload_arn]
      Condition = { StringEquals = { "iam:PassedToService" = services } }
    }
  ]

  _sagemaker_run_jobs = {
    Sid      = "RunJobs"
    Effect   = "Allow"
    Action   = ["sagemaker:AddTags", "sagemaker:CreateProcessingJob", "sagemaker:CreateTrainingJob"]
    Resource = local._sagemaker_jobs
  }

  _sagemaker_follow_jobs = {
    Sid    = "FollowJobs"
    Effect = "Allow"
    Action = [
      "sagemaker:DescribeProcessingJob",
      "sagemaker:DescribeTrainingJob",
      "sagemaker:ListTags",
      "sagemaker:StopProcessingJob",
      "sagemaker:StopTrainingJob",
    ]
    Resource = local._sagemaker_jobs
  }

  _sagemaker_read_logs = {
    Sid      = "ReadJobLogs"
    Effect   = "Allow"
    Action   = ["logs:DescribeLogStreams", "logs:GetLogEvents"]
    Resource = local._sagemaker_logs
  }

  _client_by_orchestrator = {
    airflow = []
    kubernetes = [
      {
        Sid      = "ReachCluster"
        Effect   = "Allow"
        Action   = ["eks:DescribeCluster"]
        Resource = ["arn:${local._partition}:eks:${local._region}:${local._account}:cluster/${coalesce(var.cluster, "none")}"]
      },
    ]
    local = [
      {
        Sid      = "AssumeWorkload"
        Effect   = "Allow"
        Action   = ["sts:AssumeRole"]
        Resource = [local.workload_arn]
      },
    ]
    sagemaker = [
      {
        Sid       = "CreateOwnPipelines"
        Effect    = "Allow"
        Action    = ["sagemaker:AddTags", "sagemaker:CreatePipeline"]
        Resource  = ["${local._sagemaker_arn}:pipeline/*"]
        Condition = { StringEquals = { "aws:RequestTag/team" = var.team } }
      },
      {
        Sid       = "ChangeOwnPipelines"
        Effect    = "Allow"
        Action    = ["sagemaker:DeletePipeline", "sagemaker:StartPipelineExecution", "sagemaker:UpdatePipeline"]
        Resource  = ["${local._sagemaker_arn}:pipeline/*"]
        Condition = { StringEquals = local._own }
      },
      {
        Sid    = "FollowPipelines"
        Effect = "Allow"
        Action = [
          "sagemaker:DescribePipeline",
          "sagemaker:DescribePipelineExecution",
          "sagemaker:ListPipelineExecutionSteps",
          "sagemaker:ListPipelineExecutions",
          "sagemaker:ListTags",
          "sagemaker:StopPipelineExecution",
        ]
        Resource = ["${local._sagemaker_arn}:pipeline/*"]
      },
      {
        Sid      = "Schedule"
        Effect   = "Allow"
        Action   = ["scheduler:CreateSchedule", "scheduler:DeleteSchedule", "scheduler:GetSchedule", "scheduler:UpdateSchedule"]
        Resource = ["arn:${local._partition}:scheduler:${local._region}:${local._account}:schedule/default/*"]
      },
      local._sagemaker_follow_jobs,
      local._sagemaker_read_logs,
    ]
  }

  _workload_by_orchestrator = {
    airflow    = []
    kubernetes = []
    local      = []
    sagemaker = [
      local._sagemaker_run_jobs,
      local._sagemaker_follow_jobs,
      {
        Sid       = "StartScheduledPipelines"
        Effect    = "Allow"
        Action    = ["sagemaker:StartPipelineExecution"]
        Resource  = ["${local._sagemaker_arn}:pipeline/*"]
        Condition = { StringEquals = local._own }
      },
    ]
  }

  # Jobs of SageMaker log and meter as the workload role, whoever started them.
  _workload_on_sagemaker = [
    {
      Sid      = "WriteJobLogs"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      Resource = local._sagemaker_logs
    },
    {
      Sid       = "PutJobMetrics"
      Effect    = "Allow"
      Action    = ["cloudwatch:PutMetricData"]
      Resource  = ["*"] # names no resource; the namespace confines it
      Condition = { StringLike = { "cloudwatch:namespace" = "/aws/sagemaker/*" } }
    },
  ]

  # With a step operator the orchestrating step runs as the client (local) or the workload (elsewhere).
  _step_operator = [
    for statement in [local._sagemaker_run_jobs, local._sagemaker_follow_jobs, local._sagemaker_read_logs] :
    statement if var.step_operator == "sagemaker" && var.orchestrator != "sagemaker"
  ]

  _client_statements = concat(
    local._client_by_orchestrator[var.orchestrator],
    local._step_operator,
    local._pass_workload,
  )
  _workload_statements = concat(
    local._workload_by_orchestrator[var.orchestrator],
    [for statement in local._step_operator : statement if var.orchestrator != "local"],
    [for statement in local._workload_on_sagemaker : statement if local._sagemaker],
    [for statement in local._pass_workload : statement if local._sagemaker && var.orchestrator != "local"],
  )
}
