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

/// Where the overlay of a VM lies on its host.
pub(super) fn path(name: &str) -> String {
    in_pool(&file(name))
}

/// What the overlay of a VM is called in the pool.
pub(super) fn file(name: &str) -> String {
    format!("{name}.qcow2")
}

/// Where a file of the pool lies on its host.
pub(super) fn in_pool(file: &str) -> String {
    format!("{DIRECTORY}/{file}")
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

/// Makes an empty overlay on top of `image`, a file on the host, and says where it lies. One that a VM of the same name
/// left behind is replaced.
pub(super) fn create(host: &Host, name: &str, image: &str) -> Result<String, Trouble> {
    if image.starts_with("nbd://") {
        return create_on_lent(host, name, image);
    }
    let doing = format!("making the disk of {name} on {image}");
    let (file, image) = (format!("{name}.qcow2"), image.to_owned());
    host.call(&doing, move |connect| {
        let pool = pool(connect)?;
        if let Ok(old) = pool.lookup_storage_vol_by_name(&file) {
            old.delete(0)?;
        }
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
fn create_on_lent(host: &Host, name: &str, url: &str) -> Result<String, Trouble> {
    let path = path(name);
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
