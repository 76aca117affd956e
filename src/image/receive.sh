# Runs on a host: brings an image there, as far as it is not there yet, and tells how far it is, a line each time.
# Arguments: directory, file, size, SHA-256, whom to take it from ("-": standard input; "?": only tell whether it is
# there), the configuration of ssh with which to reach them ("": none), and the script that serves it there.
set -u
dir=$1 file=$2 size=$3 sum=$4 from=$5 config=$6 serve=$7

mkdir -p "$dir" && cd "$dir" || exit 1
part=$file.part
bytes() { stat -c %s "$1" 2> /dev/null || echo 0; }
# The name holds the checksum and is given to what was verified alone.
if [ -e "$file" ] && [ "$(bytes "$file")" = "$size" ]; then echo there; exit 0; fi
if [ "$from" = '?' ]; then echo "lacks $(bytes "$part")"; exit 0; fi

# What an earlier attempt left may be at work for a moment longer.
exec 9> "$part.lock"
flock -w 20 9 || { echo "broken another transfer of it is under way"; exit 1; }
[ "$(bytes "$part")" -le "$size" ] || rm -f "$part"
: >> "$part" || { echo "broken cannot write to $dir"; exit 1; }
offset=$(bytes "$part")
free=$(($(stat -f -c '%a * %S' .)))
if [ "$free" -lt $((size - offset)) ]; then echo "full $free bytes are free in $dir"; exit 1; fi

exec 3<&0
pull=
trap '[ -z "$pull" ] || kill "$pull" 2> /dev/null' EXIT
trap 'exit 1' HUP INT TERM PIPE
echo "from $offset"
if [ "$from" = - ]; then
    cat <&3 >> "$part" 9>&- &
else
    set -- -o BatchMode=yes -o ConnectTimeout=5 -o ServerAliveInterval=3 -o ServerAliveCountMax=3
    if [ -n "$config" ] && [ -r "$config" ]; then
        set -- -F "$config" "$@"
    else
        set -- -o StrictHostKeyChecking=accept-new "$@"
    fi
    ssh "$@" "$from" "$serve $offset" < /dev/null >> "$part" 2> "$part.err" 9>&- 3<&- &
fi
pull=$!
while kill -0 "$pull" 2> /dev/null; do
    echo "at $(bytes "$part")" || exit 1
    sleep 0.2 9>&-
done
wait "$pull"
pull=
if [ "$(bytes "$part")" != "$size" ]; then
    echo "broken at $(bytes "$part") of $size bytes: $(tail -n 1 "$part.err" 2> /dev/null)"
    exit 1
fi
echo "at $size"
found=$(sha256sum < "$part" 9>&-)
if [ "${found%% *}" != "$sum" ]; then
    rm -f "$part"
    echo "broken its checksum is ${found%% *}, expected $sum"
    exit 1
fi
mv -f "$part" "$file" && rm -f "$part.err" "$part.lock" && echo done
