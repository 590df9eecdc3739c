"""Signatures: of models by the platform, of approvals and overrides by people."""
