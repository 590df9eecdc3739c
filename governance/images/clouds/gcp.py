"""Artifact Registry."""

from __future__ import annotations

from governance.images.clouds import RegistryCloud


class ArtifactRegistry(RegistryCloud):
    """The registries of Google Cloud projects."""

    def credentials(self, region: str | None, role: str | None) -> tuple[str, str]:  # noqa: ARG002 (as whoever runs)
        """See :meth:`RegistryCloud.credentials`."""
        import google.auth
        import google.auth.transport.requests

        identity, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
        identity.refresh(google.auth.transport.requests.Request())  # type: ignore[no-untyped-call]
        return "oauth2accesstoken", str(identity.token)


ADAPTER = ArtifactRegistry()
