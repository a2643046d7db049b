# How full is a disk? The last line of the output is the result.
path="${1:-/}"
warn_at="${2:-90}"

used=$(df --output=pcent "$path" | tail -n 1 | tr -dc 0-9)
echo "looked at $path: $used % used"
if [ "$used" -ge "$warn_at" ]; then
  printf '\033[33mabove %s %%\033[0m\n' "$warn_at"
fi
echo "{\"path\": \"$path\", \"used_percent\": $used, \"full\": $([ "$used" -ge "$warn_at" ] && echo true || echo false)}"
