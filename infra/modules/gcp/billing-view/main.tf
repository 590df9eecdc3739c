locals {
  # Labels are repeated records; each becomes a column.
  _label = "(SELECT value FROM UNNEST(labels) WHERE key = '%s')"

  _query = <<-SQL
    SELECT
      DATE(usage_start_time) AS day,
      ${join(",\n      ", [for label in ["team", "pipeline", "model", "run"] : format("%s AS %s", format(local._label, label), label)])},
      currency,
      CAST(cost AS NUMERIC) + IFNULL((SELECT SUM(CAST(credit.amount AS NUMERIC)) FROM UNNEST(credits) AS credit), 0) AS cost
    FROM `${var.export_table}`
    WHERE project.id = '${var.project_id}'
  SQL
}

# Whoever makes a view has to be able to read what it shows.
resource "google_bigquery_dataset_iam_member" "creator" {
  for_each   = var.creators
  dataset_id = split(".", var.export_table)[1]
  member     = each.value
  project    = split(".", var.export_table)[0]
  role       = "roles/bigquery.dataViewer"
}

resource "google_bigquery_dataset" "this" {
  dataset_id                 = "billing"
  delete_contents_on_destroy = false
  description                = "This environment's part of the billing export."
  labels                     = var.labels
  location                   = var.location
  project                    = var.project_id

  dynamic "default_encryption_configuration" {
    for_each = var.kms_key == null ? [] : [var.kms_key]
    content {
      kms_key_name = default_encryption_configuration.value
    }
  }
}

resource "google_bigquery_table" "spend" {
  dataset_id          = google_bigquery_dataset.this.dataset_id
  deletion_protection = false # a view: what it shows stays in the export
  description         = "Cost by UTC day, team, pipeline, model and run, credits included."
  labels              = var.labels
  project             = var.project_id
  table_id            = "spend"

  view {
    query          = local._query
    use_legacy_sql = false
  }

  depends_on = [google_bigquery_dataset_iam_member.creator]
}

resource "google_bigquery_dataset_iam_member" "reader" {
  for_each   = var.readers
  dataset_id = google_bigquery_dataset.this.dataset_id
  member     = each.value
  project    = var.project_id
  role       = "roles/bigquery.dataViewer"
}
