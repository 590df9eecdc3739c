# Remove $FOLDER if it carries the marker, and the team's and the environment's folder once they are empty.
# An audit folder that holds records outlives its environment, as a locked bucket does: only its marker goes, and the
# next apply takes it over with what it holds.
set -eu
if [ ! -f "$FOLDER/.groundwork" ]; then
  echo "$FOLDER carries no .groundwork marker: left as it is."
elif [ -L "$FOLDER" ]; then
  rm -- "$FOLDER"
  echo "$FOLDER was a link: what it led to is left as it is."
elif [ "${FOLDER##*/}" = audit ] && find "$FOLDER"/. -type f ! -path "$FOLDER/./.groundwork" | grep -q .; then
  rm -- "$FOLDER/.groundwork"
  echo "$FOLDER holds audit records: they are left as they are."
else
  # The marker goes last, so that a removal which was killed is finished by the next one.
  find "$FOLDER"/. ! -name . -prune ! -name .groundwork -exec rm -rf -- {} +
  rm -- "$FOLDER/.groundwork"
  rmdir -- "$FOLDER"
  team=$(dirname -- "$FOLDER")
  rmdir -- "$team" "$(dirname -- "$team")" 2>/dev/null || true
fi
