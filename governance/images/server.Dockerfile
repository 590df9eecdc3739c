# syntax=docker/dockerfile:1
# Image of the shared server: the packages of the inference image, this project's code and the settings that count.
# `make image KIND=server CLOUD=…` makes the build context, and PACKAGES before it.
ARG PACKAGES
FROM ${PACKAGES}

ARG REVISION
LABEL org.opencontainers.image.title="groundwork-server" \
      org.opencontainers.image.revision="${REVISION}"

# Only the scratch folder can be written to, wherever the rest is read-only.
USER 0:0
COPY code /app
COPY applied /usr/share/groundwork/applied
RUN install --directory --owner=groundwork --group=groundwork /var/lib/groundwork /var/lib/groundwork/ground \
    && ln -s /var/lib/groundwork/ground /app/.groundwork \
    && /opt/venv/bin/python -m compileall -q /app
ENV HOME=/var/lib/groundwork \
    TMPDIR=/var/lib/groundwork \
    ZENML_CONFIG_PATH=/var/lib/groundwork/zenml \
    ZENML_LOGGING_VERBOSITY=INFO
VOLUME ["/var/lib/groundwork"]
EXPOSE 8080
WORKDIR /app
USER 10001:10001
CMD ["python", "-m", "governance.server.container", "zenml"]
