# Builds a disk image of Debian in the current directory: disk.qcow2 and its checksum. Runs in mount and PID namespaces of
# its own, so that what it mounts and starts ends with it. Arguments: the suite, its mirror, the packages, the load tool or
# nothing. Files of ours are in ./own; sources.list among them says where packages come from. What it does is said on
# standard output, all that its programs say goes to standard error.
suite=$1 mirror=$2 packages=$3 load=$4
exec 3>&1 1>&2
say() { echo "$*" >&3; }
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
root=$PWD/root

say "fetching and unpacking the base of Debian $suite from $mirror"
debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" "$mirror" ||
    { tail -n 20 "$root/debootstrap/debootstrap.log" || true; exit 1; }

say "installing a kernel, systemd, cloud-init, sshd, stress-ng and the guest agent"
cp own/sources.list "$root/etc/apt/sources.list"
mount -t proc proc "$root/proc"
# Names are looked up as this machine does. What its own file is called may be a link that leads nowhere in there.
rm -f "$root/etc/resolv.conf"
[ ! -e /etc/resolv.conf ] || cp /etc/resolv.conf "$root/etc/resolv.conf"
# Nothing starts in there; nothing is worth waiting for the disk, as all of it is thrown away where this is cut off.
printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
get=(apt-get -q -y --no-install-recommends -o Dpkg::Options::=--force-unsafe-io)
chroot "$root" "${get[@]}" update
chroot "$root" "${get[@]}" dist-upgrade
# shellcheck disable=SC2086
chroot "$root" "${get[@]}" install $packages
chroot "$root" apt-get clean

say "setting it up"
umount "$root/proc"
rm -rf "$root/usr/sbin/policy-rc.d" "$root/etc/resolv.conf" "$root"/var/lib/apt/lists/* "$root"/var/log/*.log \
    "$root"/run/* "$root"/tmp/*
# What no two VMs may share is made by each at its first boot.
rm -f "$root"/etc/ssh/ssh_host_*
: > "$root/etc/machine-id"
rm own/sources.list
cp -r own/. "$root/"
[ -z "$load" ] || install -m 755 "$load" "$root/usr/bin/hemera-load"
chroot "$root" systemctl enable systemd-networkd.service
# What would be at work while others measure: looking for updates, and for remains of checks of LVM volumes.
chroot "$root" systemctl disable apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service

say "writing and packing the disk"
bootable "$root" 4096 debian disk.qcow2
rm -rf root own
sha256sum disk.qcow2 > SHA256SUMS
chmod 755 .
chmod 644 disk.qcow2 SHA256SUMS
