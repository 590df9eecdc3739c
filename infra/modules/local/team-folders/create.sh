# Make $FOLDER and mark it as Terraform's. One that is there already is taken over as it is, with all it holds:
# that is what repairs an apply that was killed, or a marker that was deleted.
set -eu
mkdir -p -- "$FOLDER"
echo "Terraform owns this folder; destroying the environment removes a folder that holds this file." >"$FOLDER/.groundwork"
