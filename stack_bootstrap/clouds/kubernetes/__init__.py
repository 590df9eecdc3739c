"""A Kubernetes cluster, an S3-compatible store and a registry that exist already."""
