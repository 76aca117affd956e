# What makes disks that boot by their own loader, without a device of the kernel's.

# bootable ROOT SIZE LABEL DISK: a disk of SIZE MiB with all that is in ROOT, as a qcow2 file. It boots what the
# boot/grub/grub.cfg in there says. Leaves nothing else where all goes well.
bootable() {
    local root=$1 size=$2 label=$3 disk=$4 grub=/usr/lib/grub/i386-pc
    grub-mkimage -O i386-pc -d "$grub" -p '(hd0,msdos1)/boot/grub' -o core.img biosdisk part_msdos ext2 linux normal \
        serial terminal echo
    truncate -s "${size}M" disk.raw
    echo '2048,,L,*' | sfdisk -q disk.raw
    # The file system begins where the partition does, at 1 MiB, and ends where the disk does. The loader reads block by
    # block: small ones take it longer.
    mke2fs -q -t ext4 -b 4096 -L "$label" -d "$root" -E offset=1048576 disk.raw "$(((size - 1) << 10))k"
    # The boot loader's first sector without the partition table, and the rest of it between that and the partition.
    dd if="$grub/boot.img" of=disk.raw bs=440 count=1 conv=notrunc status=none
    dd if=core.img of=disk.raw bs=512 seek=1 conv=notrunc status=none
    qemu-img convert -O qcow2 -c -o compression_type=zstd disk.raw "$disk"
    rm disk.raw core.img
}
