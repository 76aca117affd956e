# Runs inside a host's network, mount and host name namespaces: hides the machine's directories behind the host's own,
# starts sshd, then becomes libvirtd. Arguments: the host's name, its directory, and `kvm` where guests run under KVM.
set -eu
name=$1 own=$2 kvm=$3

hostname "$name"
# On disk, as libvirtd finds its running VMs there when it is started again.
mount --bind "$own/run" /run
mkdir -p /run/libvirt /run/lock
mkdir -p /etc/libvirt /var/lib/libvirt /var/log/libvirt /var/cache/libvirt
mount --bind "$own/etc" /etc/libvirt
mount --bind "$own/lib" /var/lib/libvirt
mount --bind "$own/log" /var/log/libvirt
mount --bind "$own/cache" /var/cache/libvirt
# Without every host's name in it each migration waits seconds on look-ups.
mount --bind "$own/hosts" /etc/hosts
# A /dev without KVM where KVM does not work. Hidden by a mount over /dev/kvm instead, libvirt would take its cached
# capabilities for stale and probe QEMU again at every start of a VM.
mkdir -p "$own/dev"
mount -t tmpfs -o mode=755 dev "$own/dev"
for device in null zero full random urandom tty net/tun $kvm; do
    [ -e "/dev/$device" ] || continue
    mkdir -p "$(dirname "$own/dev/$device")"
    touch "$own/dev/$device"
    mount --bind "/dev/$device" "$own/dev/$device"
done
mkdir "$own/dev/pts" "$own/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$own/dev/pts"
mount -t tmpfs shm "$own/dev/shm"
ln -s pts/ptmx "$own/dev/ptmx"
ln -s /proc/self/fd "$own/dev/fd"
mount --move "$own/dev" /dev
# What root's shell does first on the machine, such as waiting for another shell's lock, is none of a host's business.
home=$(getent passwd root | cut -d: -f6)
for file in .bashrc .zshenv .ssh/rc; do
    [ ! -f "$home/$file" ] || mount --bind /dev/null "$home/$file"
done
# SSH asks for nothing but the lab's key, whatever the machine's own rules are.
[ ! -e /etc/pam.d/sshd ] || mount --bind "$own/ssh/pam" /etc/pam.d/sshd
mkdir -p -m 755 /run/sshd
# Started by its full name, as it starts itself again for each connection.
"$(command -v sshd)" -f "$own/ssh/sshd_config" -E "$own/log/sshd.log" || { cat "$own/log/sshd.log" >&2; exit 1; }
# Only exec on the way here: the process that was started is libvirtd in the end.
exec libvirtd --listen
