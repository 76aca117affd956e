//! Copy-on-write disks: one file per VM on top of its class's image, made by libvirt itself on the host.

use virt::connect::Connect;
use virt::error::{Error, ErrorNumber};
use virt::storage_pool::StoragePool;
use virt::storage_vol::StorageVol;

use super::host::Host;
use super::nbd;
use super::trouble::Trouble;
use super::xml::escape;

/// The storage pool that Hemera makes on a host.
const POOL: &str = "hemera";
/// Its directory there.
pub(super) const DIRECTORY: &str = "/var/lib/libvirt/hemera";

/// What every overlay's file name ends with.
const SUFFIX: &str = ".qcow2";

/// The name of a VM's overlay in the pool. Names of VMs are used again: with the name alone, removing what a start that
/// was cut off has left would take the disk of the VM that has its name by now.
pub(super) fn file(name: &str, uuid: &str) -> String {
    format!("{name}.{uuid}{SUFFIX}")
}

/// Where the overlay of a VM lies on its host.
pub(super) fn path(name: &str, uuid: &str) -> String {
    in_pool(&file(name, uuid))
}

/// Where a file of the pool lies on its host.
pub(super) fn in_pool(file: &str) -> String {
    format!("{DIRECTORY}/{file}")
}

/// Whether a file is the overlay of a VM of this name, whatever its UUID.
fn is_of(file: &str, name: &str) -> bool {
    let uuid = file.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')?.strip_suffix(SUFFIX));
    uuid.is_some_and(|uuid| uuid.len() == 36 && uuid.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'))
}

/// The pool, made where the host does not have it. It is transient: it does not outlive libvirtd, its files do.
pub(super) fn pool(connect: &Connect) -> Result<StoragePool, Error> {
    if let Ok(pool) = connect.lookup_storage_pool_by_name(POOL) {
        return Ok(pool);
    }
    let definition = format!("<pool type='dir'><name>{POOL}</name><target><path>{DIRECTORY}</path></target></pool>");
    let made = connect.create_storage_pool_xml(&definition, virt_sys::VIR_STORAGE_POOL_CREATE_WITH_BUILD);
    // Another task may have made it meanwhile.
    made.or_else(|error| connect.lookup_storage_pool_by_name(POOL).map_err(|_| error))
}

/// Makes an empty overlay on top of `image`, a file on the host or the URL of one that is lent, and says where it lies.
/// Those that earlier VMs of the same name left behind are removed.
pub(super) fn create(host: &Host, name: &str, uuid: &str, image: &str) -> Result<String, Trouble> {
    delete_all(host, name)?;
    if image.starts_with("nbd://") {
        return create_on_lent(host, name, uuid, image);
    }
    let doing = format!("making the disk of {name} on {image}");
    let (file, image) = (file(name, uuid), image.to_owned());
    host.call(&doing, move |connect| {
        let pool = pool(connect)?;
        let base = base(connect, &image)?;
        let (file, backing) = (escape(&file), escape(&image));
        let definition = format!(
            "<volume><name>{file}</name><capacity unit='bytes'>{}</capacity><allocation>0</allocation>\
             <target><format type='qcow2'/></target>\
             <backingStore><path>{backing}</path><format type='{}'/></backingStore></volume>",
            base.0, base.1
        );
        StorageVol::create_xml(&pool, &definition, 0)?.path()
    })
}

/// libvirt makes disks only on top of files.
fn create_on_lent(host: &Host, name: &str, uuid: &str, url: &str) -> Result<String, Trouble> {
    let path = path(name, uuid);
    let broken =
        |why| Trouble::Image { host: host.name.to_string(), doing: format!("making the disk of {name} on {url}"), why };
    let target =
        host.images.target(&host.access).ok_or_else(|| broken("its shell is not reached (`ssh`)".to_owned()))?;
    host.call(&format!("making the place of {path}"), |connect| pool(connect).map(drop))?;
    nbd::overlay(&target, url, &path).map_err(broken)?;
    host.call(&format!("looking for {path}"), |connect| pool(connect)?.refresh(0).map(drop))?;
    Ok(path)
}

/// The size and format of an image. libvirt knows files only through the pool of their directory, so a pool is made for
/// the time of the question where there is none.
fn base(connect: &Connect, image: &str) -> Result<(u64, String), Error> {
    let describe = |volume: StorageVol| {
        let text = volume.xml_desc(0)?;
        let after = text.find("<target>").map_or("", |at| &text[at..]);
        let format = after.split("<format type='").nth(1).and_then(|t| t.split('\'').next()).unwrap_or("raw");
        Ok((volume.info()?.capacity, format.to_owned()))
    };
    if let Ok(volume) = connect.lookup_storage_vol_by_path(image) {
        return describe(volume);
    }
    let directory =
        image.rsplit_once('/').map_or("/", |(directory, _)| if directory.is_empty() { "/" } else { directory });
    let name = format!("hemera{}", directory.replace('/', "-"));
    let definition = format!(
        "<pool type='dir'><name>{}</name><target><path>{}</path></target></pool>",
        escape(&name),
        escape(directory)
    );
    if let Err(error) = connect.create_storage_pool_xml(&definition, 0) {
        // There already: an image that was copied there since is found after a refresh.
        if !error.code().is_any(vec![ErrorNumber::OperationFailed, ErrorNumber::OperationInvalid]) {
            return Err(error);
        }
        connect.lookup_storage_pool_by_target_path(directory)?.refresh(0)?;
    }
    describe(connect.lookup_storage_vol_by_path(image)?)
}

/// Removes all overlays of VMs of this name, which are not there any more.
pub(super) fn delete_all(host: &Host, name: &str) -> Result<(), Trouble> {
    let wanted = name.to_owned();
    host.call(&format!("removing old disks of {name}"), move |connect| {
        let pool = match pool(connect) {
            // A driver that knows no files, as that for tests, has no disks either.
            Err(error) if error.code().is_any(vec![ErrorNumber::InvalidArg, ErrorNumber::NoSupport]) => return Ok(()),
            found => found?,
        };
        let mut volumes = pool.list_all_volumes(0)?;
        volumes.retain(|volume| volume.name().is_ok_and(|file| is_of(&file, &wanted)));
        volumes.iter().try_for_each(|volume| volume.delete(0))
    })
}

/// Removes an overlay. One that is not there is as good as removed.
pub(super) fn delete(host: &Host, path: &str) -> Result<(), Trouble> {
    let doing = format!("removing the disk {path}");
    let path = path.to_owned();
    let delete = move |connect: &Connect| {
        pool(connect)?;
        connect.lookup_storage_vol_by_path(&path)?.delete(0)
    };
    match host.call(&doing, delete) {
        Err(trouble) if trouble.not_there() => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_that_of_one_vm_alone() {
        let uuid = "0f0e5a3c-1111-4222-8333-444455556666";
        assert!(is_of(&file("vm-1", uuid), "vm-1"));
        for other in [file("vm-11", uuid), file("vm-1.a", uuid), "vm-1.qcow2".into(), "vm-1.x.qcow2".into()] {
            assert!(!is_of(&other, "vm-1"), "{other}");
        }
    }
}
