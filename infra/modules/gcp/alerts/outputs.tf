output "channels" {
  description = "Notification channel of each recipient, by the keys of emails."
  value       = { for key, channel in google_monitoring_notification_channel.email : key => channel.id }
}
