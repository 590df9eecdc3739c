"""Which image a governed pipeline's steps run in."""

from __future__ import annotations

from zenml.config import DockerSettings

from governance.core.errors import RefusedError
from governance.core.provenance import lock_of
from governance.core.target import Target
from governance.images.requirements import Kind


class UnpinnedImageError(RefusedError):
    """A protected environment would run an image that somebody can change afterwards."""


def docker_settings(target: Target, kind: Kind) -> DockerSettings:
    """Return the image for steps of ``kind`` in ``target``'s environment, where they run in containers.

    An image given by digest is used as it is, so that what runs is what was built, scanned and reviewed; ZenML brings
    the code along. Where the environment's file gives none, ZenML builds one from the cloud's lock.

    Raises:
        UnpinnedImageError: the environment is protected and gives no image, or one without a digest.
    """
    image = getattr(target.environment.images, kind)
    if target.environment.protected and (image is None or "@sha256:" not in image):
        raise UnpinnedImageError(
            f"{target.environment.environment}.yaml: images.{kind} is {image or 'not set'}. A protected environment "
            "runs an image by digest (name@sha256:...): `make image PUSH=1` builds one and prints it."
        )
    if image is None:
        return DockerSettings(requirements=str(lock_of(target.cloud)), install_stack_requirements=False)
    return DockerSettings(parent_image=image, skip_build=True)
