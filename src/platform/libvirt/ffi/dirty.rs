//! How much memory a domain dirties, by some of its pages.

use std::ptr;

use virt::domain::Domain;
use virt::error::Error;

use super::visit_params;
use crate::fleet::Rate;

/// Has QEMU look at some of a domain's pages now and once more in so many seconds. It is not waited for.
///
/// Never by its dirty bitmap, the other way: under TCG that ends QEMU 7.2.
pub(in super::super) fn start_dirty_sample(domain: &Domain, seconds: i32) -> Result<(), Error> {
    let by_pages = virt_sys::VIR_DOMAIN_DIRTYRATE_MODE_PAGE_SAMPLING;
    // SAFETY: the domain is alive while it is borrowed.
    let begun = unsafe { virt_sys::virDomainStartDirtyRateCalc(domain.as_ptr(), seconds, by_pages) };
    if begun < 0 { Err(Error::last_error()) } else { Ok(()) }
}

/// What that came to; none while QEMU is at it, or where nobody began.
pub(in super::super) fn dirty_sample(domain: &Domain) -> Result<Option<Rate>, Error> {
    // SAFETY: the domain is alive while it is borrowed.
    let mut domains = [unsafe { domain.as_ptr() }, ptr::null_mut()];
    let mut records = ptr::null_mut();
    // SAFETY: the list ends with a null pointer; libvirt fills `records` in when it returns a count.
    let count = unsafe {
        virt_sys::virDomainListGetStats(domains.as_mut_ptr(), virt_sys::VIR_DOMAIN_STATS_DIRTYRATE, &raw mut records, 0)
    };
    if count < 0 {
        return Err(Error::last_error());
    }
    let (mut status, mut mib) = (0, None);
    if count > 0 {
        // SAFETY: `records` holds `count` pointers to records, whose parameters are as many as they say.
        unsafe {
            let record = &**records;
            visit_params(record.params, record.nparams, |name, figure| match name {
                "dirtyrate.calc_status" => status = figure.whole(),
                "dirtyrate.megabytes_per_second" => mib = Some(figure.whole()),
                _ => {}
            });
        }
    }
    if !records.is_null() {
        // SAFETY: the list came from libvirt and is not used any more.
        unsafe { virt_sys::virDomainStatsRecordListFree(records) };
    }
    let measured = status == u64::from(virt_sys::VIR_DOMAIN_DIRTYRATE_MEASURED);
    Ok(mib.filter(|_| measured).map(|mib| Rate(mib as f64 * 1_048_576.0)))
}
