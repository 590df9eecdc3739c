"""The base images that steps run in: locked packages, no root, a bill of materials, pinned by digest."""
