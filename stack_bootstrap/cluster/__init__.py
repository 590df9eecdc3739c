"""What lives inside a cluster: rendered from the settings and team files, compared and applied server-side."""
