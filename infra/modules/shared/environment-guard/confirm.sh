# Refuse to go on unless GROUNDWORK_DESTROY names the environment that this state belongs to.
set -eu
if [ "${GROUNDWORK_DESTROY:-}" != "$ENVIRONMENT" ]; then
  echo "Destroying '$ENVIRONMENT' must be confirmed by its name; '${GROUNDWORK_DESTROY:-}' was given. Nothing was destroyed." >&2
  exit 1
fi
