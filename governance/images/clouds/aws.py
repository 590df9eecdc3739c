"""Elastic Container Registry."""

from __future__ import annotations

import base64

from governance.images.clouds import RegistryCloud


class Ecr(RegistryCloud):
    """The registries of AWS accounts."""

    def credentials(self, region: str | None, role: str | None) -> tuple[str, str]:
        """See :meth:`RegistryCloud.credentials`."""
        import boto3

        session = boto3.Session(region_name=region)
        if role:
            assumed = session.client("sts").assume_role(RoleArn=role, RoleSessionName="groundwork-image")
            keys = assumed["Credentials"]
            session = boto3.Session(
                keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=region
            )
        token = session.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
        user, _, password = base64.b64decode(token).decode().partition(":")
        return user, password


ADAPTER = Ecr()
