# Runs on a host that has an image or is receiving it: writes what comes after an offset, as it comes.
# Arguments: directory, file, size, offset.
size=$3 at=$4 idle=0
cd "$1" || exit 1
while [ "$at" -lt "$size" ]; do
    source=$2
    [ -e "$source" ] || source=$2.part
    have=$(stat -c %s "$source" 2> /dev/null || echo 0)
    if [ "$have" -gt "$at" ]; then
        if dd if="$source" bs=1M iflag=skip_bytes,count_bytes,fullblock skip="$at" count=$((have - at)) status=none; then
            at=$have idle=0
            continue
        fi
        # Its last part may just have got its name.
        [ ! -e "$source" ] || exit 1
    fi
    idle=$((idle + 1))
    [ "$idle" -lt 150 ] || { echo "nothing more came there for 30 s" >&2; exit 1; }
    sleep 0.2
done
