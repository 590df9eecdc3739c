# Remove $FOLDER if it carries the marker, and the team's and the environment's folder once they are empty.
set -eu
if [ ! -f "$FOLDER/.groundwork" ]; then
  echo "$FOLDER carries no .groundwork marker: left as it is."
elif [ -L "$FOLDER" ]; then
  rm -- "$FOLDER"
  echo "$FOLDER was a link: what it led to is left as it is."
else
  # The marker goes last, so that a removal which was killed is finished by the next one.
  find "$FOLDER"/. ! -name . -prune ! -name .groundwork -exec rm -rf -- {} +
  rm -- "$FOLDER/.groundwork"
  rmdir -- "$FOLDER"
  team=$(dirname -- "$FOLDER")
  rmdir -- "$team" "$(dirname -- "$team")" 2>/dev/null || true
fi
