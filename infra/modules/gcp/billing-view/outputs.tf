output "view" {
  description = "The view, as project.dataset.table."
  value       = "${var.project_id}.${google_bigquery_dataset.this.dataset_id}.${google_bigquery_table.spend.table_id}"
  depends_on  = [google_bigquery_dataset_iam_member.reader]
}
