#!/usr/bin/env bash
# Runs the tests on each supported version of Node, from its npm package in a temporary directory:
#   npm run nodes                          all tests on 20, 22, 24 and 26
#   npm run nodes -- 24 26 test/cli        some versions, some tests
# Prints what each run printed and a line for each version at the end; ends with 1 when a run failed.
set -euo pipefail
cd "$(dirname "$0")/.."

versions=()
while [[ "${1:-}" =~ ^[0-9]+(\.[0-9]+)*$ ]]; do
  versions+=("$1")
  shift
done
[ ${#versions[@]} -gt 0 ] || versions=(20 22 24 26)

place=$(mktemp -d "${TMPDIR:-/tmp}/supertree-nodes-XXXXXX")
trap 'rm -rf "$place"' EXIT
# Some tests run programs as another user.
chmod 755 "$place"
package="node-$(node -p 'process.platform + "-" + process.arch')"

npm run --silent build
outcomes=()
failed=0
for version in "${versions[@]}"; do
  npm install --prefix "$place/$version" --no-save --no-audit --no-fund --silent "$package@$version"
  bin="$place/$version/node_modules/$package/bin"
  name=$("$bin/node" --version)
  echo "== Node $name"
  # First in the path: programs that the tests start run on it as well.
  if PATH="$bin:$PATH" "$bin/node" node_modules/vitest/vitest.mjs run "$@"; then
    outcomes+=("Node $name: passed")
  else
    outcomes+=("Node $name: FAILED")
    failed=1
  fi
done
printf '%s\n' "${outcomes[@]}"
exit "$failed"
