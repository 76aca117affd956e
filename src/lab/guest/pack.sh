# Packs a guest in the current directory, where its kernel is and ./root holds what will be in its memory: initrd.gz, a disk
# that boots both by itself, and checksums. Argument: the boot loader's configuration.
(cd root && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 | gzip -6) > initrd.gz
rm -rf root

mkdir -p disk/boot/grub
cp vmlinuz initrd.gz disk
printf %s "$1" > disk/boot/grub/grub.cfg
# It grows with what goes in; the journal and the tables want some room too.
bootable disk "$(($(du -sm disk | cut -f 1) + 16))" tiny tiny.qcow2
rm -rf disk

sha256sum vmlinuz initrd.gz tiny.qcow2 > SHA256SUMS
chmod 755 .
chmod 644 ./*
