# Runs on the host that lends an image: prints the port at which it does.
# Arguments: the image, the address to listen at, the export's name.
set -eu
image=$1 address=$2 name=$3
command -v qemu-nbd > /dev/null || { echo "no qemu-nbd: apt-get install qemu-utils" >&2; exit 1; }
state=/run/hemera-nbd-$name
exec 9> "$state.lock"
flock 9
if [ -e "$state.pid" ] && kill -0 "$(cat "$state.pid")" 2> /dev/null; then cat "$state.port"; exit 0; fi
format=$(qemu-img info --output=json "$image" | sed -n 's/^ *"format": "\(.*\)",*$/\1/p' | tail -n 1)
port=10809
while [ "$port" -lt 10909 ]; do
    if qemu-nbd --fork --read-only --persistent --shared=0 --format="$format" --bind="$address" --port="$port" \
        --export-name="$name" --pid-file="$state.pid" "$image" 2> "$state.err" 9>&-; then
        echo "$port" > "$state.port"
        echo "$port"
        exit 0
    fi
    grep -q 'in use' "$state.err" || break
    port=$((port + 1))
done
cat "$state.err" >&2
exit 1
