"""This machine: folders instead of buckets, and no account."""
