"""What an environment and a team are: the one model that reads ``environments/*.yaml``.

Terraform reads the same files with ``yamldecode``; nothing here is copied anywhere else.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator, model_validator

from environments.cluster import ClusterSettings, KubernetesCloud
from environments.names import (
    ENVIRONMENT_MAX,
    ENVIRONMENT_PATTERN,
    MODEL_PATTERN,
    PREFIX_MAX,
    PREFIX_PATTERN,
    RESERVED_TEAMS,
    TEAM_MAX,
    TEAM_PATTERN,
)
from environments.strict import Stricter, StrictModel, looser

Cloud = Literal["local", "kubernetes", "gcp", "aws", "azure"]
CLOUDS: tuple[Cloud, ...] = get_args(Cloud)

Role = Literal["data-scientist", "ml-engineer", "platform-admin", "auditor"]

EnvironmentName = Annotated[str, Field(pattern=ENVIRONMENT_PATTERN, max_length=ENVIRONMENT_MAX)]
TeamName = Annotated[str, Field(pattern=TEAM_PATTERN, max_length=TEAM_MAX)]
ModelName = Annotated[str, Field(pattern=MODEL_PATTERN, max_length=64)]
Email = Annotated[str, Field(pattern=r"^[^@\sA-Z]+@[^@\sA-Z]+\.[^@\sA-Z.]+$", max_length=254)]
"""In small letters and without a final dot: one person has one spelling."""
LabelValue = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$")]
LabelKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Share = Annotated[float, Field(ge=0, le=1)]
ImageReference = Annotated[
    str,
    Field(
        # Letters spelt out: \w is every script's, which no registry takes, and 128 of it cost 45 ms to compile.
        pattern=r"^[a-z0-9]+(?:[._-][a-z0-9]+)*(?::[0-9]+)?(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)+"
        r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$",
        description="name@sha256:..., as `make image PUSH=1` prints it. Protected environments take no other.",
    ),
]


class Thresholds(StrictModel):
    """What a model must reach, each model by the metrics of its task. A metric left out is not required.

    None has a unit: limits in a target's own unit stand in the model's config, beside these. Bounds exclude values that
    any model would pass: 0.5 is the ROC AUC of a coin.
    """

    roc_auc: Annotated[float | None, Field(gt=0.5, le=1), Stricter.HIGHER] = None
    average_precision: Annotated[float | None, Field(gt=0, le=1), Stricter.HIGHER] = None
    recall: Annotated[float | None, Field(gt=0, le=1), Stricter.HIGHER] = None
    precision: Annotated[float | None, Field(gt=0, le=1), Stricter.HIGHER] = None
    brier_score: Annotated[float | None, Field(gt=0, le=0.25), Stricter.LOWER] = Field(
        default=None, description="An upper bound: smaller is better, 0.25 is a forecast of one half for everybody."
    )
    brier_skill: Annotated[float | None, Field(gt=0, le=1), Stricter.HIGHER] = Field(
        default=None, description="Of a risk: share of the Brier score saved over the training rows' share of risk."
    )
    accuracy: Annotated[float | None, Field(gt=0, le=1), Stricter.HIGHER] = Field(
        default=None, description="Of classes, as every metric down to calibration_error."
    )
    balanced_accuracy: Annotated[float | None, Field(gt=0, le=1), Stricter.HIGHER] = None
    least_recall: Annotated[float | None, Field(gt=0, le=1), Stricter.HIGHER] = Field(
        default=None, description="Recall of the class that is found least."
    )
    macro_f1: Annotated[float | None, Field(gt=0, le=1), Stricter.HIGHER] = None
    macro_roc_auc: Annotated[float | None, Field(gt=0.5, le=1), Stricter.HIGHER] = None
    log_loss_skill: Annotated[float | None, Field(gt=0, le=1), Stricter.HIGHER] = Field(
        default=None, description="Share of the log loss saved over the training rows' shares; 0 is no skill."
    )
    calibration_error: Annotated[float | None, Field(gt=0, le=0.5), Stricter.LOWER] = Field(
        default=None,
        description="An upper bound: how far the predicted class's probability is from how often it is right.",
    )
    r2: Annotated[float | None, Field(gt=0, le=1), Stricter.HIGHER] = Field(
        default=None, description="Of numbers, as every metric below."
    )
    squared_error_skill: Annotated[float | None, Field(gt=0, le=1), Stricter.HIGHER] = Field(
        default=None, description="Share of the squared error saved over the training rows' mean; 0 is no skill."
    )
    residual_bias: Annotated[float | None, Field(gt=0, le=1), Stricter.LOWER] = Field(
        default=None, description="An upper bound: mean residual, in standard deviations of the target."
    )

    def required(self) -> dict[str, float]:
        """Return the metrics that have a threshold, by name."""
        return {name: value for name, value in self.model_dump().items() if value is not None}


LOWER_IS_BETTER = frozenset(name for name, field in Thresholds.model_fields.items() if Stricter.LOWER in field.metadata)
"""Metrics whose threshold is an upper bound."""


class DataQuality(StrictModel):
    """What a data set must satisfy before a model is trained or scored on it."""

    minimum_rows: Annotated[int, Field(ge=1)]
    missing_share: Share = Field(description="The largest share of missing values in any one column.")
    duplicate_share: Share = Field(description="The largest share of rows that repeat an earlier row.")
    outside_share: Annotated[float, Field(ge=0, le=0.5)] = Field(
        description="Of a batch to score: the largest share of values in any one column below or above what the "
        "model's configuration allows or, where it says nothing, what training saw."
    )
    unseen_share: Annotated[float, Field(ge=0, le=0.5)] = Field(
        description="Of a batch to score: the largest share of categories in any one column that training did not see."
    )


Measure = Literal["equalized_odds_difference", "demographic_parity_ratio", "residual_difference", "error_ratio"]
Reason = Annotated[str, Field(min_length=20, max_length=300)]


class FairnessExemption(StrictModel):
    """One measure that is not required of one model for one attribute, and why."""

    model: ModelName
    attribute: Annotated[str, Field(min_length=1)]
    measure: Measure
    reason: Reason


class Fairness(StrictModel):
    """How differently a model may treat the groups of an attribute that its configuration calls sensitive."""

    equalized_odds_difference: Annotated[float, Field(gt=0, le=0.5), Stricter.LOWER] = Field(
        description="Most that true or false positive rates may differ between groups."
    )
    demographic_parity_ratio: Annotated[float, Field(ge=0.4, le=1), Stricter.HIGHER] = Field(
        description="Least that the smallest share flagged in a group may be of the largest; 0.8 is the four-fifths "
        "rule."
    )
    residual_difference: Annotated[float, Field(gt=0, le=1), Stricter.LOWER] = Field(
        description="Of numbers: most that the mean residual may differ between groups, in standard deviations of the "
        "target."
    )
    error_ratio: Annotated[float, Field(ge=0.3, le=1), Stricter.HIGHER] = Field(
        description="Of numbers: least that the smallest mean absolute error of a group may be of the largest."
    )
    minimum_group_rows: Annotated[int, Field(ge=20), Stricter.HIGHER] = Field(
        description="In a smaller group nothing is concluded."
    )
    minimum_group_per_class: Annotated[int, Field(ge=5), Stricter.HIGHER] = Field(
        description="The same, of either outcome."
    )
    exemptions: tuple[FairnessExemption, ...] = ()
    no_attributes: dict[ModelName, Reason] = Field(
        default={}, description="Models whose data hold no attribute to judge by, and why. Others must name some."
    )

    def reason_for(self, model: str, attribute: str, measure: str) -> str | None:
        """Return why ``measure`` is not required of ``model`` for ``attribute``; None where it is required."""
        for exempt in self.exemptions:
            if (exempt.model, exempt.attribute, exempt.measure) == (model, attribute, measure):
                return exempt.reason
        return None


class Margins(StrictModel):
    """How much worse than the champion a challenger may be, by metric. A metric left out is not compared."""

    roc_auc: Annotated[float | None, Field(gt=0, le=0.1), Stricter.LOWER] = None
    average_precision: Annotated[float | None, Field(gt=0, le=0.1), Stricter.LOWER] = None
    recall: Annotated[float | None, Field(gt=0, le=0.1), Stricter.LOWER] = None
    precision: Annotated[float | None, Field(gt=0, le=0.1), Stricter.LOWER] = None
    brier_score: Annotated[float | None, Field(gt=0, le=0.05), Stricter.LOWER] = None
    brier_skill: Annotated[float | None, Field(gt=0, le=0.1), Stricter.LOWER] = None
    accuracy: Annotated[float | None, Field(gt=0, le=0.1), Stricter.LOWER] = None
    balanced_accuracy: Annotated[float | None, Field(gt=0, le=0.1), Stricter.LOWER] = None
    macro_f1: Annotated[float | None, Field(gt=0, le=0.1), Stricter.LOWER] = None
    macro_roc_auc: Annotated[float | None, Field(gt=0, le=0.1), Stricter.LOWER] = None
    log_loss_skill: Annotated[float | None, Field(gt=0, le=0.1), Stricter.LOWER] = None
    r2: Annotated[float | None, Field(gt=0, le=0.1), Stricter.LOWER] = None
    squared_error_skill: Annotated[float | None, Field(gt=0, le=0.1), Stricter.LOWER] = None

    def required(self) -> dict[str, float]:
        """Return the metrics that have a margin, by name."""
        return {name: value for name, value in self.model_dump().items() if value is not None}


class Champion(StrictModel):
    """What a challenger must not lose against the version in production."""

    margins: Margins
    group_recall_margin: Annotated[float, Field(gt=0, le=0.25), Stricter.LOWER] = Field(
        description="The same for recall in each group of a sensitive attribute, where rows are fewer."
    )
    group_accuracy_margin: Annotated[float, Field(gt=0, le=0.25), Stricter.LOWER] = Field(
        description="Of classes: the same for the share of rows called right."
    )
    group_error_margin: Annotated[float, Field(gt=0, le=0.5), Stricter.LOWER] = Field(
        description="Of numbers: how much the mean absolute error of a group may grow, in standard deviations of the "
        "target."
    )

    @model_validator(mode="after")
    def _something_is_compared(self) -> Champion:
        if not self.margins.required():
            raise ValueError("margins: at least one metric must be compared")
        return self


class Drift(StrictModel):
    """How far validation data may be from training data, in any column, and a batch's scores from held-out rows'."""

    psi: Annotated[float, Field(gt=0, le=0.5), Stricter.LOWER] = Field(
        description="Population stability index; 0.25 is a large shift."
    )
    distance: Annotated[float, Field(gt=0, le=0.5), Stricter.LOWER] = Field(
        description="Kolmogorov-Smirnov distance of a number, Cramer's V of a category. A larger one fails when it is "
        "significant."
    )
    significance: Annotated[float, Field(ge=0.001, le=0.1), Stricter.HIGHER] = Field(
        description="Of the Kolmogorov-Smirnov or chi-squared test, after Holm's correction for the number of columns."
    )
    bins: Annotated[int, Field(ge=4, le=20)] = 5
    minimum_rows: Annotated[int, Field(ge=50), Stricter.HIGHER]


class Gates(StrictModel):
    """How gates conclude. Bounds exclude values under which a gate would stop nothing."""

    confidence: Annotated[Literal[80, 90, 95, 99], Stricter.HIGHER] = Field(
        description="Per cent, of two-sided bootstrap intervals."
    )
    resamples: Annotated[int, Field(ge=500, le=20_000)]
    minimum_rows: Annotated[int, Field(ge=50), Stricter.HIGHER] = Field(
        description="With fewer held-out rows nothing is concluded."
    )
    minimum_per_class: Annotated[int, Field(ge=10), Stricter.HIGHER] = Field(description="The same, of either outcome.")
    fairness: Fairness
    champion: Champion
    drift: Drift


class Retention(StrictModel):
    """How long records are kept, in days."""

    logs_days: Annotated[int, Field(ge=1)]
    documentation_days: Annotated[int, Field(ge=1)]
    backups_days: Annotated[int, Field(ge=1, le=3660)] = Field(
        description="Of the server's backups. The newest one is kept however old it is."
    )


class Signatures(StrictModel):
    """How long what people sign holds, in hours: the longest, and what is meant when nothing is said."""

    approval_hours: Annotated[int, Field(ge=1, le=720)]
    override_hours: Annotated[int, Field(ge=1, le=720)] = Field(
        description="Of an override: a gate that cannot conclude is set aside."
    )
    break_glass_hours: Annotated[int, Field(ge=1, le=24)] = Field(
        description="Of an emergency approval, by which a promotion passes a gate that says no."
    )


class Budget(StrictModel):
    """What an environment may cost a month."""

    amount: Annotated[float, Field(gt=0)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = Field(description="ISO 4217 code.")
    alert_at: tuple[Annotated[float, Field(gt=0, le=2)], ...] = (0.5, 0.8, 1.0)


class Images(StrictModel):
    """The base images that steps run in, where the orchestrator starts containers."""

    training: ImageReference | None = None
    inference: ImageReference | None = None


class RunLimits(StrictModel):
    """The most that one step of a model's pipelines may ask for, and how long anything may take."""

    cpu: Annotated[float, Field(gt=0, le=1024)] = Field(default=8, description="Cores.")
    memory: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,5}(?:Mi|Gi)$")] = Field(
        default="32Gi", description="In Mi or Gi."
    )
    accelerators: Annotated[int, Field(ge=0, le=64)] = 0
    retries: Annotated[int, Field(ge=0, le=10)] = 3
    deadline_minutes: Annotated[int, Field(ge=1)] = Field(
        default=360, description="Of a step; also of one that asks for none."
    )
    start_minutes: Annotated[int, Field(ge=1)] = Field(
        default=15, description="How long a step may wait for a node or for room before its run is given up."
    )
    run_minutes: Annotated[int, Field(ge=1)] = Field(default=1440, description="Of a whole run.")


class LocalCloud(StrictModel):
    """This machine: folders instead of buckets."""

    root: Annotated[str, Field(min_length=1)] = Field(
        description="Folder that holds everything, relative to the checkout or absolute."
    )


class Audit(StrictModel):
    """What the audit log records where not everything is, and which other environments read it."""

    prediction_sample_rate: Annotated[float, Field(gt=0, le=1)] = Field(
        default=1.0, description="Share of batches of predictions whose making is recorded."
    )
    readers: tuple[EnvironmentName, ...] = Field(
        default=(),
        description="Environments whose clients and workflows may read this one's log on a cloud, and do no more: a "
        "promotion stands on the log of the environment before, reconciliation looks into the one after.",
    )
    overdue_hours: Annotated[int, Field(ge=1, le=720)] = Field(
        default=24,
        description="Hours after a run began in which its end must be in the log; then reconcile reports it.",
    )


class NetworkSettings(StrictModel):
    """The network to build, or an existing one to use."""

    cidr: str = "10.20.0.0/20"
    existing: str | None = Field(default=None, description="Id of a network to use instead of building one.")
    existing_subnets: tuple[str, ...] = ()


class GithubRepository(StrictModel):
    """The repository whose workflows plan and apply, by OpenID Connect."""

    owner: Annotated[str, Field(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?$")]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
    owner_id: Annotated[int, Field(gt=0)] | None = Field(
        default=None, description="Set both ids when the repository uses immutable subject claims."
    )
    repository_id: Annotated[int, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _both_ids_or_none(self) -> GithubRepository:
        if (self.owner_id is None) != (self.repository_id is None):
            raise ValueError("owner_id and repository_id go together: give both or neither")
        return self


AwsRegion = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")]
SecretKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$", max_length=32)]


class BillingExport(StrictModel):
    """Where the billing console exports costs to; a view shows an environment its own."""

    table: Annotated[
        str,
        Field(pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]\.[A-Za-z0-9_]+\.gcp_billing_export_v1(_[0-9A-F]{6}){3}$"),
    ] = Field(description="project.dataset.table of the standard usage cost export.")
    location: Annotated[str, Field(pattern=r"^(EU|US|[a-z]+-[a-z]+[0-9]+)$")] = Field(
        description="Location of the export's dataset."
    )
    readers: tuple[Annotated[str, Field(pattern=r"^(user|group|serviceAccount|principal|principalSet):.+$")], ...] = (
        Field(default=(), description="Members that may read the view.")
    )


def _fits_orchestrator(orchestrator: str, cluster: ClusterSettings | None) -> None:
    if (orchestrator == "kubernetes") != (cluster is not None):
        raise ValueError(
            f"orchestrator is {orchestrator!r}, and a section kubernetes says what runs may use and reach in a "
            "cluster: give both or neither"
        )


class GcpCloud(StrictModel):
    """A Google Cloud project."""

    project_id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$")]
    billing_account: Annotated[str, Field(pattern=r"^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$")]
    folder: Annotated[str, Field(pattern=r"^(folders|organizations)/[0-9]+$")]
    region: Annotated[str, Field(pattern=r"^[a-z]+-[a-z]+[0-9]+$")]
    orchestrator: Literal["vertex", "kubernetes", "airflow", "local"]
    network: NetworkSettings = NetworkSettings()
    audit_key: (
        Literal["managed"]
        | Annotated[
            str,
            Field(pattern=r"^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+/cryptoKeyVersions/[0-9]+$"),
        ]
        | None
    ) = Field(
        default=None,
        description="What signs the audit log. managed: the key that Terraform makes in this project. Or the version "
        "of another Cloud KMS key (EC_SIGN_ED25519). None: a key file.",
    )
    auditors: tuple[Annotated[str, Field(pattern=r"^(user|group|serviceAccount|principal|principalSet):.+$")], ...] = (
        Field(default=(), description="Members that may read the audit log and the key that it is verified with.")
    )
    create_project: bool = Field(default=True, description="False: the project exists; only what is in it is managed.")
    step_operator: Literal["vertex"] | None = Field(
        default=None, description="Runs single steps on Vertex AI under another orchestrator."
    )
    kubernetes: ClusterSettings | None = Field(
        default=None,
        description="What runs may use and reach in the GKE cluster that Terraform makes; needed by the orchestrator "
        "kubernetes. Its context is as gcloud calls it: gke_<project>_<region>_<cluster>.",
    )
    client_principals: tuple[
        Annotated[str, Field(pattern=r"^(user|group|serviceAccount|principal|principalSet):.+$")], ...
    ] = Field(default=(), description="Members that may act as a team's client, by impersonation.")
    github: GithubRepository | None = None
    oidc_token_file: Annotated[str, Field(pattern=r"^/.+$")] | None = Field(
        default=None,
        description="Where workflows put their OIDC token. None: connectors use the credentials of whoever runs.",
    )
    state_kms_key: (
        Annotated[str, Field(pattern=r"^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$")] | None
    ) = Field(
        default=None,
        description="Key of the bucket that holds Terraform's state; made beforehand, in the same region. "
        "None: Google's own.",
    )
    alert_emails: tuple[Email, ...] = Field(default=(), description="Who hears of the whole environment's spend.")
    budgets: bool = Field(default=True, description="False where budgets are kept with the billing account.")
    billing_export: BillingExport | None = Field(
        default=None, description="None: this environment's spend cannot be reported from Google's bill."
    )
    mlflow_tracking_uri: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="An MLflow server that stacks track to. None: stacks have no experiment tracker."
    )
    secrets: dict[SecretKey, Annotated[int, Field(ge=0)]] = Field(
        default={},
        description="Secrets each team holds. 0: made empty, filled by hand. Raise the number to write a new value.",
    )

    @model_validator(mode="after")
    def _parts_fit(self) -> GcpCloud:
        _fits_orchestrator(self.orchestrator, self.kubernetes)
        if self.github is not None and self.github.repository_id is None:
            raise ValueError("github: owner_id and repository_id are needed: access is bound to ids, not to names")
        if self.oidc_token_file is not None and self.github is None:
            raise ValueError("oidc_token_file needs github: it is that repository's tokens that are exchanged")
        if (self.network.existing is None) != (not self.network.existing_subnets):
            raise ValueError("network: existing and existing_subnets go together: give both or neither")
        return self


class AwsCloud(StrictModel):
    """An AWS account."""

    account_id: Annotated[str, Field(pattern=r"^[0-9]{12}$")]
    region: AwsRegion
    allowed_regions: tuple[AwsRegion, ...] = Field(
        default=(), description="Regions that a plan may name. Empty: only ``region``."
    )
    orchestrator: Literal["sagemaker", "kubernetes", "airflow", "local"]
    step_operator: Literal["sagemaker"] | None = Field(
        default=None, description="Runs single steps on SageMaker under another orchestrator."
    )
    audit_key: Annotated[str, Field(pattern=r"^(?:arn:aws[a-z-]*:kms:|alias/|[0-9a-f]{8}-|mrk-)\S+$")] | None = Field(
        default=None,
        description="Id, ARN or alias of the KMS key (ECC_NIST_EDWARDS25519) that signs the audit log. None: a key "
        "file.",
    )
    cluster: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")] | None = Field(
        default=None, description="Name of the EKS cluster; needed by the orchestrator kubernetes."
    )
    kubernetes: ClusterSettings | None = Field(
        default=None,
        description="What runs may use and reach in that cluster; needed by the orchestrator kubernetes.",
    )
    network: NetworkSettings = NetworkSettings()
    client_principals: tuple[Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$")], ...] = Field(
        default=(), description="Roles that may act as a team's client. Empty: whomever the account lets assume it."
    )
    github: GithubRepository | None = None
    alert_emails: tuple[Email, ...] = Field(default=(), description="Who hears of the whole environment's spend.")
    budgets: bool = Field(default=True, description="False where budgets are kept in the payer account.")
    mlflow_tracking_uri: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="An MLflow server that stacks track to. None: stacks have no experiment tracker."
    )
    secrets: dict[SecretKey, Annotated[int, Field(ge=0)]] = Field(
        default={},
        description="Secrets each team holds. 0: made empty, filled by hand. Raise the number to write a new value.",
    )

    @model_validator(mode="after")
    def _parts_fit(self) -> AwsCloud:
        if self.allowed_regions and self.region not in self.allowed_regions:
            raise ValueError(f"region {self.region!r} is not one of allowed_regions: {', '.join(self.allowed_regions)}")
        if self.orchestrator == "kubernetes" and self.cluster is None:
            raise ValueError(
                "orchestrator is 'kubernetes' but no cluster is named; set cluster to the EKS cluster's name"
            )
        _fits_orchestrator(self.orchestrator, self.kubernetes)
        if (self.network.existing is None) != (not self.network.existing_subnets):
            raise ValueError("network: existing and existing_subnets go together: give both or neither")
        if self.network.existing is not None and len(self.network.existing_subnets) < 2:
            raise ValueError("network.existing_subnets: at least two subnets, in different zones, are needed")
        return self


class AzureCloud(StrictModel):
    """An Azure subscription."""

    subscription_id: Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    location: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]+$")]
    orchestrator: Literal["azureml", "kubernetes", "local"]
    network: NetworkSettings = NetworkSettings()


class Environment(StrictModel):
    """One environment, on whichever cloud is picked."""

    environment: EnvironmentName
    cloud: Cloud = "local"
    prefix: Annotated[str, Field(pattern=PREFIX_PATTERN, max_length=PREFIX_MAX)] = Field(
        description="Leads every name that must be unique in the world, such as a bucket's."
    )
    protected: bool = Field(
        default=False, description="Destroying needs the environment's name, and a plan that deletes is refused."
    )
    labels: dict[LabelKey, LabelValue]
    thresholds: Thresholds
    model_thresholds: dict[ModelName, Thresholds] = Field(default={})
    data_quality: DataQuality
    gates: Gates
    retention: Retention
    audit: Audit = Audit()
    budget: Budget
    approvals: Annotated[int, Field(ge=0, le=5)] = Field(
        default=0, description="People other than the requester who must agree to a promotion into this environment."
    )
    signatures: Signatures
    images: Images = Images()
    limits: RunLimits = RunLimits()
    local: LocalCloud | None = None
    kubernetes: KubernetesCloud | None = None
    gcp: GcpCloud | None = None
    aws: AwsCloud | None = None
    azure: AzureCloud | None = None

    @field_validator("environment")
    @classmethod
    def _not_the_server(cls, name: str) -> str:
        if name == "server":
            raise ValueError("'server' is the shared server; choose another name")
        return name

    @field_validator("labels")
    @classmethod
    def _labels_name_a_cost_center(cls, labels: dict[str, str]) -> dict[str, str]:
        if "cost_center" not in labels:
            raise ValueError("must hold cost_center: spend is reported by it")
        computed = sorted(set(labels) & {"environment", "team", "managed_by", "zenml_stack"})
        if computed:
            raise ValueError(f"{', '.join(computed)} are computed; leave them out")
        return labels

    @model_validator(mode="after")
    def _thresholds_bite(self) -> Environment:
        if not self.thresholds.required():
            raise ValueError("thresholds: at least one metric is required")
        for model, own in self.model_thresholds.items():
            loose = looser(self.merge_thresholds(own), self.thresholds)
            if loose:
                raise ValueError(
                    f"model_thresholds.{model}: {', '.join(loose)} is looser than the environment's floor; "
                    "a model's own threshold may only be stricter"
                )
        return self

    @model_validator(mode="after")
    def _picked_cloud_is_described(self) -> Environment:
        if getattr(self, self.cloud) is None:
            raise ValueError(f"cloud is {self.cloud!r} but there is no {self.cloud!r} section")
        return self

    @model_validator(mode="after")
    def _a_step_fits_into_its_cluster(self) -> Environment:
        managed = [cloud.kubernetes for cloud in (self.gcp, self.aws) if cloud is not None]
        for cluster in (self.kubernetes, *managed):
            if cluster is not None:
                cluster.check_limits(self.limits.cpu, self.limits.memory, self.limits.accelerators)
        return self

    def merge_thresholds(self, own: Thresholds) -> Thresholds:
        """Merge ``own`` over this environment's floor."""
        return Thresholds(**{**self.thresholds.required(), **own.required()})

    def thresholds_for(self, model: str) -> Thresholds:
        """Return what ``model`` must reach in this environment."""
        return self.merge_thresholds(self.model_thresholds.get(model, Thresholds()))


class PlatformSettings(StrictModel):
    """What holds for the platform as a whole, in every environment."""

    cost_centers: dict[LabelValue, str] | None = Field(
        default=None, description="Cost centres that exist, and whose they are. None: any may be named."
    )
    projects: Literal["one", "per-team"] = Field(
        default="one",
        description="ZenML's projects: the default one for everybody, or one for each team, of the team's name, and "
        "platform-shared for what is everybody's. Teams then see their own only, auditors and administrators all.",
    )
    administrators: tuple[Email, ...] = Field(
        default=(), description="Who look after the shared server: its accounts, keys and settings, and every team's."
    )


class TeamEnvironment(StrictModel):
    """What a team has in one environment."""

    budget: Annotated[float, Field(gt=0)] = Field(description="A month, in the environment's currency.")
    members: dict[Email, Role] = Field(default={})


class Team(StrictModel):
    """One team. Its file is all that it takes to add it to every environment."""

    team: TeamName
    owners: Annotated[tuple[Email, ...], Field(min_length=1)]
    cost_center: LabelValue
    models: Annotated[tuple[ModelName, ...], Field(min_length=1)]
    environments: dict[EnvironmentName, TeamEnvironment]

    @field_validator("team")
    @classmethod
    def _not_reserved(cls, name: str) -> str:
        if name in RESERVED_TEAMS:
            raise ValueError(f"{name!r} is reserved; choose another name")
        return name

    @field_validator("models")
    @classmethod
    def _models_differ(cls, models: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(models)) != len(models):
            raise ValueError("the same model is listed twice")
        return models
