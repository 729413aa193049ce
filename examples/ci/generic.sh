#!/bin/sh
# Plans and applies a folder of policy files from any CI, in a checkout of the commit that is meant.
#
#   generic.sh plan FOLDER [REASON]   shows the plan and asks for it: a change that names the commit, for review
#   generic.sh apply FOLDER           waits for its approval and puts it in force; after the merge
#   generic.sh drift                  fails where what is live is not what was applied last; on a schedule
#
# HIVEKEY_URL   the server
# HIVEKEY_KEY   key of a person with the role author, kept as a secret of the CI
# HIVEKEY       how the command is called (hivekey)
# HIVEKEY_PLAN  file for the text of the plan (none)
# HIVEKEY_WAIT  for approval (1h)
set -eu

usage() {
  sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
  exit 64
}

: "${HIVEKEY_URL:?is not set}" "${HIVEKEY_KEY:?is not set}"

# May be several words, such as "npx hivekey".
hivekey() {
  # shellcheck disable=SC2086
  command ${HIVEKEY:-hivekey} "$@"
}

plan() {
  code=0
  text=$(hivekey plan "$1" --post --reason "${2:-}") || code=$?
  printf '%s\n' "$text"
  if [ -n "${HIVEKEY_PLAN:-}" ]; then printf '%s\n' "$text" >"$HIVEKEY_PLAN"; fi
  # 0: nothing would change, 2: something would. Everything else is a failure.
  if [ "$code" -ne 0 ] && [ "$code" -ne 2 ]; then exit "$code"; fi
}

case "${1:-}" in
  plan) [ $# -ge 2 ] || usage; plan "$2" "${3:-}" ;;
  apply) [ $# -eq 2 ] || usage; hivekey apply "$2" --wait "${HIVEKEY_WAIT:-1h}" ;;
  drift) hivekey plan --drift ;;
  *) usage ;;
esac
