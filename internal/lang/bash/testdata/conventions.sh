#!/usr/bin/env bash
# shellcheck disable=SC2034
# Shows each way to declare an argument.
# A second line.

plain=$1
quoted="$2" # what the form shows
braces=${3}
with_default="${4:-two words}"
empty="${5:-}"
number=${6:-3}
escaped="${7:-a \"quoted\" 'word'}"
computed="${8:-$(date)}"
required="${9:?say something}"
unset_only="${10-x}"
export exported="$11"
local_name="prefix-$1"
upper="${1^^}"
array=("$1")
again="$2"

nested() {
  inner="$12"
}
