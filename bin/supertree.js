#!/usr/bin/env sh
':' /* # sh runs the lines down to exec, and Node the JavaScript below them.
#
# Node looks for some of its own options among the arguments of a script: for --env-file in front of the first --, and
# up to Node 24 for --experimental-config-file and --experimental-default-config-file even behind it. Then it would read
# the file of `supertree spawn web --env-file FILE -- COMMAND` itself. So the arguments come behind a --, and where that
# is not enough each of them with a letter in front.
case "$*" in
  *--experimental-*config-file*)
    for word do set -- "$@" "_$word"; shift; done
    set -- prefixed-arguments "$@" ;;
esac
#
# V8 would let the space for young objects grow to 16 MiB, which stays filled after 500 spawns at once; with 2 MiB its collections are shorter, too.
# It would not collect old objects before they take far more than a server has; with these it does when they are 30 % more than what lives.
young=--max-semi-space-size=2
old='--initial-old-space-size=12 --heap-growing-percent=30'
case "$NODE_OPTIONS" in
  *semi-space-size*) young= ;;
esac
exec node $young $old -- "$0" "$@"
*/;
if (process.argv[2] === 'prefixed-arguments') {
  process.argv = [...process.argv.slice(0, 2), ...process.argv.slice(3).map((word) => word.slice(1))];
}
await import('../dist/cli/main.js');
