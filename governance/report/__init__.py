"""The report of a model in use: what it is, what it reached, what it came from, in one self-contained HTML page."""
