name="$1"
count="${2:-3}"
if [ "$name" = x ]; then
  echo "never closed
