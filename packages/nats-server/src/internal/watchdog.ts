// The watchdog: a small shell that runs the server and stops it when its owner is gone, even by kill -9.

/** A program under the watchdog; `orphaned` are the folders to remove after the program of a dead owner. */
export const watched = (program: string, args: ReadonlyArray<string>, orphaned: ReadonlyArray<string>) => ({
  command: "/bin/sh",
  args: ["-c", script, "evolvent-nats", ...orphaned, "--", program, ...args]
})

/**
 * The shell's script; its arguments are the folders to remove after an orphan, "--", and the server's command.
 *
 * The owner holds the other end of the shell's input and never writes. However the owner ends, the input ends, and the
 * shell stops the server: in order at first, woken if it was paused, and after five seconds at once. It stays the
 * server's parent and so knows that the number it signals is the server's. The first line of its output is that number.
 */
const script = `
folders=
while [ "$1" != -- ]; do
  folders="$folders
$1"
  shift
done
shift
exec 3<&0 </dev/null
"$@" >&2 3<&- &
server=$!
# A signal to everybody is not for this shell: it would take the server for ended.
trap '' HUP INT TERM
orphan=0
trap 'orphan=$((orphan + 1)); if [ $orphan -lt 25 ]; then kill -TERM $server; kill -CONT $server; else kill -KILL $server; fi 2>/dev/null' USR1
echo $server
exec >/dev/null
( read -r _ <&3; while kill -USR1 $$ 2>/dev/null; do sleep 0.2; done ) 2>/dev/null &
watch=$!
while :; do
  wait $server
  code=$?
  kill -0 $server 2>/dev/null || break
done
# Fetched as well: when this shell has ended, no process of it is left for anyone to see.
{ kill -KILL $watch; wait $watch; } 2>/dev/null
if [ $orphan -gt 0 ]; then
  IFS='
'
  set -f
  cd /
  rm -rf -- $folders
fi
exit $code
`
