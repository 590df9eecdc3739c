"""Prints name and status of the run that was begun last."""

import sys

from zenml.client import Client

if __name__ == "__main__":
    (found,) = Client().list_pipeline_runs(size=1, sort_by="desc:created").items
    sys.stdout.write(f"{found.name} {found.status}\n")
