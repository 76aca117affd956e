//! What the `virt` crate does not wrap, or wraps such that we cannot use it: the event loop's thread, lifecycle events,
//! bulk statistics, a node's CPU times, a job's statistics.
//!
//! The crate's own `Domain::job_stats` builds a `Vec` from the null pointer that libvirt returns for a domain without a
//! job, which aborts; its `DomainStatsRecord` is a bare pointer. This module, with what is below it, is the
//! room's only one with `unsafe`.
#![allow(unsafe_code)]

mod dirty;

pub(super) use dirty::{dirty_sample, start_dirty_sample};

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::ptr;
use std::sync::OnceLock;
use std::time::Duration;

use virt::connect::Connect;
use virt::domain::Domain;
use virt::error::Error;
use virt::stream::Stream;

use super::room::NodeMemory;
use super::traffic::Traffic;
use crate::fleet::Bytes;

/// Starts libvirt's event loop on a thread of its own, once per process. Keep-alive and events need it, and it must run
/// before the first connection is opened. Also keeps libvirt from printing errors to the terminal.
pub(super) fn start_event_loop() -> Result<(), String> {
    static STARTED: OnceLock<Result<(), String>> = OnceLock::new();
    let start = || {
        // SAFETY: a handler without user data may be set at any time; ours touches nothing.
        unsafe { virt_sys::virSetErrorFunc(ptr::null_mut(), Some(quiet)) };
        virt::event::event_register_default_impl().map_err(|e| e.to_string())?;
        let looping = std::thread::Builder::new().name("libvirt-events".into()).spawn(|| {
            while virt::event::event_run_default_impl().is_ok() {}
            tracing::error!("libvirt's event loop broke off: no more events, hung hosts are noticed by silence alone");
        });
        looping.map(drop).map_err(|e| e.to_string())
    };
    STARTED.get_or_init(start).clone().map_err(|e| format!("libvirt's event loop did not start: {e}"))
}

extern "C" fn quiet(_data: *mut c_void, _error: virt_sys::virErrorPtr) {}

/// One figure of a typed parameter list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Figure {
    /// Any integer or boolean.
    Whole(u64),
    /// A text or a fraction, which nobody here reads.
    Other,
}

impl Figure {
    /// The number; zero for what is none.
    pub(super) fn whole(self) -> u64 {
        match self {
            Self::Whole(n) => n,
            Self::Other => 0,
        }
    }
}

/// Calls `visit` with the name and value of each of `count` parameters.
///
/// # Safety
/// `params` points to `count` parameters that libvirt filled in, or `count` is not positive.
unsafe fn visit_params(params: virt_sys::virTypedParameterPtr, count: c_int, mut visit: impl FnMut(&str, Figure)) {
    for i in 0..usize::try_from(count).unwrap_or(0) {
        // SAFETY: within the list by the caller's promise; `field` is a C string inside its array.
        let (param, name) = unsafe {
            let param = &*params.add(i);
            (param, CStr::from_ptr(param.field.as_ptr()))
        };
        // SAFETY: the type says which member of the union was written.
        let figure = unsafe {
            match param.type_ as u32 {
                virt_sys::VIR_TYPED_PARAM_INT => Figure::Whole(u64::try_from(param.value.i).unwrap_or(0)),
                virt_sys::VIR_TYPED_PARAM_UINT => Figure::Whole(u64::from(param.value.ui)),
                virt_sys::VIR_TYPED_PARAM_LLONG => Figure::Whole(u64::try_from(param.value.l).unwrap_or(0)),
                virt_sys::VIR_TYPED_PARAM_ULLONG => Figure::Whole(param.value.ul),
                virt_sys::VIR_TYPED_PARAM_BOOLEAN => Figure::Whole(u64::from(param.value.b != 0)),
                _ => Figure::Other,
            }
        };
        if let Ok(name) = name.to_str() {
            visit(name, figure);
        }
    }
}

/// Which statistics of domains are asked for: none for which libvirt asks QEMU, as a stopped one would hold up the answer
/// for all of its host.
const DOMAIN_STATS: u32 =
    virt_sys::VIR_DOMAIN_STATS_STATE | virt_sys::VIR_DOMAIN_STATS_CPU_TOTAL | virt_sys::VIR_DOMAIN_STATS_INTERFACE;

/// What one domain's statistics say.
#[derive(Debug)]
pub(super) struct DomainFigures {
    /// The domain.
    pub(super) domain: Domain,
    /// `virDomainState` and the reason for it.
    pub(super) state: (u32, u32),
    /// CPU time used since it started, where the driver knows.
    pub(super) cpu_time: Option<Duration>,
    /// Of all its interfaces since it started.
    pub(super) net: Traffic,
}

/// The statistics of all domains of a host in one call. With `nowait`, a domain that is busy with a job is listed with
/// what is known without asking its hypervisor.
pub(super) fn domain_figures(connect: &Connect, nowait: bool) -> Result<Vec<DomainFigures>, Error> {
    let flags = if nowait { virt_sys::VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT } else { 0 };
    let mut records = ptr::null_mut();
    // SAFETY: the connection is alive while `connect` is borrowed; libvirt fills `records` in when it returns a count.
    let count =
        unsafe { virt_sys::virConnectGetAllDomainStats(connect.as_ptr(), DOMAIN_STATS, &raw mut records, flags) };
    let Ok(count) = usize::try_from(count) else { return Err(Error::last_error()) };
    let mut all = Vec::with_capacity(count);
    for i in 0..count {
        // SAFETY: `records` holds `count` pointers to records. The list's own reference to the domain is given back
        // with the list, so that the wrapper needs one of its own.
        let (record, domain) = unsafe {
            let record = &**records.add(i);
            virt_sys::virDomainRef(record.dom);
            (record, Domain::from_ptr(record.dom))
        };
        let mut figures = DomainFigures { domain, state: (0, 0), cpu_time: None, net: Traffic::default() };
        let read = |name: &str, value: Figure| match name {
            "state.state" => figures.state.0 = value.whole() as u32,
            "state.reason" => figures.state.1 = value.whole() as u32,
            "cpu.time" => figures.cpu_time = Some(Duration::from_nanos(value.whole())),
            name => {
                figures.net.count(name, value.whole());
            }
        };
        // SAFETY: a record's parameters are as many as it says.
        unsafe { visit_params(record.params, record.nparams, read) };
        all.push(figures);
    }
    if !records.is_null() {
        // SAFETY: the list came from libvirt and is not used any more.
        unsafe { virt_sys::virDomainStatsRecordListFree(records) };
    }
    Ok(all)
}

/// The CPU time that a node's cores have spent working (user and kernel) since it started, summed over its cores.
pub(super) fn node_cpu_time(connect: &Connect) -> Result<Duration, Error> {
    let mut count = 0;
    let all = virt_sys::VIR_NODE_CPU_STATS_ALL_CPUS;
    // SAFETY: without an array libvirt only tells how many figures there are.
    if unsafe { virt_sys::virNodeGetCPUStats(connect.as_ptr(), all, ptr::null_mut(), &raw mut count, 0) } < 0 {
        return Err(Error::last_error());
    }
    let empty = virt_sys::virNodeCPUStats { field: [0; 80], value: 0 };
    let mut figures = vec![empty; usize::try_from(count).unwrap_or(0)];
    // SAFETY: the array has room for the `count` figures that libvirt asked for.
    if unsafe { virt_sys::virNodeGetCPUStats(connect.as_ptr(), all, figures.as_mut_ptr(), &raw mut count, 0) } < 0 {
        return Err(Error::last_error());
    }
    let mut busy = 0;
    for figure in figures.iter().take(usize::try_from(count).unwrap_or(0)) {
        // SAFETY: libvirt ends the name with a zero inside the array.
        let name = unsafe { CStr::from_ptr(figure.field.as_ptr()) };
        if name == virt_sys::VIR_NODE_CPU_STATS_KERNEL || name == virt_sys::VIR_NODE_CPU_STATS_USER {
            busy += figure.value;
        }
    }
    Ok(Duration::from_nanos(busy))
}

/// How much of a node's memory is free, how much its page cache and buffers take, and how much it has.
pub(super) fn node_memory(connect: &Connect) -> Result<NodeMemory, Error> {
    let mut count = 0;
    let all = virt_sys::VIR_NODE_MEMORY_STATS_ALL_CELLS;
    // SAFETY: without an array libvirt only tells how many figures there are.
    if unsafe { virt_sys::virNodeGetMemoryStats(connect.as_ptr(), all, ptr::null_mut(), &raw mut count, 0) } < 0 {
        return Err(Error::last_error());
    }
    let empty = virt_sys::virNodeMemoryStats { field: [0; 80], value: 0 };
    let mut figures = vec![empty; usize::try_from(count).unwrap_or(0)];
    // SAFETY: the array has room for the `count` figures that libvirt asked for.
    if unsafe { virt_sys::virNodeGetMemoryStats(connect.as_ptr(), all, figures.as_mut_ptr(), &raw mut count, 0) } < 0 {
        return Err(Error::last_error());
    }
    let mut memory = NodeMemory::default();
    for figure in figures.iter().take(usize::try_from(count).unwrap_or(0)) {
        // SAFETY: libvirt ends the name with a zero inside the array.
        let name = unsafe { CStr::from_ptr(figure.field.as_ptr()) };
        // In KiB.
        if name == virt_sys::VIR_NODE_MEMORY_STATS_FREE {
            memory.free += Bytes(figure.value * 1024);
        } else if name == virt_sys::VIR_NODE_MEMORY_STATS_CACHED || name == virt_sys::VIR_NODE_MEMORY_STATS_BUFFERS {
            memory.reclaimable += Bytes(figure.value * 1024);
        } else if name == virt_sys::VIR_NODE_MEMORY_STATS_TOTAL {
            memory.total += Bytes(figure.value * 1024);
        }
    }
    Ok(memory)
}

/// A domain's `virDomainState` and the reason for it.
pub(super) fn domain_state(domain: &Domain) -> Result<(u32, u32), Error> {
    let (mut state, mut reason) = (0, 0);
    // SAFETY: the domain is alive while it is borrowed; libvirt writes two integers.
    if unsafe { virt_sys::virDomainGetState(domain.as_ptr(), &raw mut state, &raw mut reason, 0) } < 0 {
        return Err(Error::last_error());
    }
    Ok((state as u32, reason as u32))
}

/// Whether libvirt can speak with a domain's hypervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Control {
    /// Nothing is in the way.
    Free,
    /// It waits for an answer, for so long.
    Occupied(Duration),
    /// The connection between them broke.
    Error,
}

/// How libvirt stands with a domain's hypervisor, without asking that.
pub(super) fn control(domain: &Domain) -> Control {
    let mut info = virt_sys::virDomainControlInfo { state: 0, details: 0, stateTime: 0 };
    // SAFETY: the domain is alive while it is borrowed, and libvirt fills the struct.
    if unsafe { virt_sys::virDomainGetControlInfo(domain.as_ptr(), &raw mut info, 0) } < 0 {
        // Drivers that cannot tell, and domains that do not run.
        return Control::Free;
    }
    match info.state {
        virt_sys::VIR_DOMAIN_CONTROL_OCCUPIED => Control::Occupied(Duration::from_millis(info.stateTime)),
        virt_sys::VIR_DOMAIN_CONTROL_ERROR => Control::Error,
        _ => Control::Free,
    }
}

/// What a stream that does not wait has: none where nothing has come yet, no bytes where it ended.
pub(super) fn stream_recv(stream: &Stream, into: &mut [u8]) -> Result<Option<usize>, Error> {
    // SAFETY: libvirt writes at most as many bytes as it is told there is room for.
    let count = unsafe { virt_sys::virStreamRecv(stream.as_ptr(), into.as_mut_ptr().cast(), into.len()) };
    flowed(count)
}

/// Sends bytes on a stream that does not wait: how many it took, none where it takes none now.
pub(super) fn stream_send(stream: &Stream, bytes: &[u8]) -> Result<Option<usize>, Error> {
    // SAFETY: libvirt reads at most as many bytes as it is told there are.
    let count = unsafe { virt_sys::virStreamSend(stream.as_ptr(), bytes.as_ptr().cast(), bytes.len()) };
    flowed(count)
}

fn flowed(count: c_int) -> Result<Option<usize>, Error> {
    match count {
        // It would have to wait.
        -2 => Ok(None),
        count => usize::try_from(count).map(Some).map_err(|_| Error::last_error()),
    }
}

/// The disks of a domain that had an error, and for each whether the disk that it lies on is full.
pub(super) fn disk_errors(domain: &Domain) -> Result<Vec<(String, bool)>, Error> {
    const MOST: usize = 16;
    let none = virt_sys::virDomainDiskError { disk: ptr::null_mut(), error: 0 };
    let mut errors = [none; MOST];
    // SAFETY: the domain is alive while it is borrowed; the array has room for as many as is said.
    let count = unsafe { virt_sys::virDomainGetDiskErrors(domain.as_ptr(), errors.as_mut_ptr(), MOST as c_uint, 0) };
    let Ok(count) = usize::try_from(count) else { return Err(Error::last_error()) };
    let read = |error: &virt_sys::virDomainDiskError| {
        // SAFETY: libvirt filled in the name, which is ours to free.
        let name = unsafe {
            let name = CStr::from_ptr(error.disk).to_string_lossy().into_owned();
            libc_free(error.disk.cast());
            name
        };
        (name, error.error as u32 == virt_sys::VIR_DOMAIN_DISK_ERROR_NO_SPACE)
    };
    Ok(errors.iter().take(count).map(read).collect())
}

unsafe extern "C" {
    /// The C library's, which libvirt's texts come from.
    #[link_name = "free"]
    fn libc_free(memory: *mut c_void);
}

/// Ends the job that runs on a domain, as a migration is.
pub(super) fn abort_job(domain: &Domain) -> Result<(), Error> {
    // SAFETY: the domain is alive while it is borrowed.
    if unsafe { virt_sys::virDomainAbortJob(domain.as_ptr()) } < 0 { Err(Error::last_error()) } else { Ok(()) }
}

/// Asks whether a host's hypervisor has a CPU, given as a domain's `<cpu>`; what it lacks is in the error.
pub(super) fn has_cpu(connect: &Connect, kind: &str, arch: &str, cpu: &str) -> Result<(), Error> {
    let flags = virt_sys::VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE;
    let text = |text: &str| CString::new(text).unwrap_or_default();
    let (kind, arch, cpu) = (text(kind), text(arch), text(cpu));
    // SAFETY: the connection is alive while it is borrowed, and so are the texts; without an emulator and a machine libvirt
    // takes its defaults.
    let compared = unsafe {
        virt_sys::virConnectCompareHypervisorCPU(
            connect.as_ptr(),
            ptr::null(),
            arch.as_ptr(),
            ptr::null(),
            kind.as_ptr(),
            cpu.as_ptr(),
            flags,
        )
    };
    if compared < 0 { Err(Error::last_error()) } else { Ok(()) }
}

/// Saves a domain to a file of its host and ends it there.
pub(super) fn save(domain: &Domain, path: &str) -> Result<(), Error> {
    let path = CString::new(path).unwrap_or_default();
    // SAFETY: the domain is alive while it is borrowed, and so is the path; the definition stays as it is.
    if unsafe { virt_sys::virDomainSaveFlags(domain.as_ptr(), path.as_ptr(), ptr::null(), 0) } < 0 {
        return Err(Error::last_error());
    }
    Ok(())
}

/// Lets a domain that migrates go on on its target, which then gets its memory as it asks for it.
pub(super) fn start_post_copy(domain: &Domain) -> Result<(), Error> {
    // SAFETY: the domain is alive while it is borrowed.
    if unsafe { virt_sys::virDomainMigrateStartPostCopy(domain.as_ptr(), 0) } < 0 {
        return Err(Error::last_error());
    }
    Ok(())
}

/// What a running or completed job of a domain says of itself. What libvirt does not say is zero.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct JobFigures {
    /// Whether there is or was a job at all.
    pub(super) any: bool,
    /// From the job's start, in milliseconds.
    pub(super) elapsed_ms: u64,
    /// How long the guest stood still or is expected to, in milliseconds.
    pub(super) downtime_ms: u64,
    /// Memory of the guest, in bytes.
    pub(super) total: u64,
    /// Sent so far, in bytes.
    pub(super) processed: u64,
    /// Still to be sent in this pass, in bytes.
    pub(super) remaining: u64,
    /// The pass, from 1.
    pub(super) iteration: u64,
    /// In bytes a second.
    pub(super) rate: u64,
    /// Pages dirtied a second.
    pub(super) dirty_pages: u64,
    /// The size of a page in bytes.
    pub(super) page_size: u64,
    /// What the guest is denied of its CPU, in percent.
    pub(super) throttle: u64,
}

/// The figures of a domain's running job, or with `completed` of its last one.
pub(super) fn job_figures(domain: &Domain, completed: bool) -> Result<JobFigures, Error> {
    let flags = if completed { virt_sys::VIR_DOMAIN_JOB_STATS_COMPLETED } else { 0 };
    let (mut kind, mut params, mut count) = (0, ptr::null_mut(), 0);
    // SAFETY: the domain is alive while it is borrowed; libvirt allocates the list and says how long it is.
    let done = unsafe {
        virt_sys::virDomainGetJobStats(domain.as_ptr(), &raw mut kind, &raw mut params, &raw mut count, flags)
    };
    if done < 0 {
        return Err(Error::last_error());
    }
    let mut job = JobFigures { any: kind as u32 != virt_sys::VIR_DOMAIN_JOB_NONE, ..JobFigures::default() };
    // The names are libvirt's VIR_DOMAIN_JOB_* texts.
    let read = |name: &str, value: Figure| {
        let field = match name {
            "time_elapsed" => &mut job.elapsed_ms,
            "downtime" => &mut job.downtime_ms,
            "memory_total" => &mut job.total,
            "memory_processed" => &mut job.processed,
            "memory_remaining" => &mut job.remaining,
            "memory_iteration" => &mut job.iteration,
            "memory_bps" => &mut job.rate,
            "memory_dirty_rate" => &mut job.dirty_pages,
            "memory_page_size" => &mut job.page_size,
            "auto_converge_throttle" => &mut job.throttle,
            _ => return,
        };
        *field = value.whole();
    };
    // SAFETY: the list has `count` parameters and is freed once, here.
    unsafe {
        visit_params(params, count, read);
        if !params.is_null() {
            virt_sys::virTypedParamsFree(params, count);
        }
    }
    Ok(job)
}

/// Takes the name of a domain and two figures that say what happened to it. It runs on the event loop's thread, which
/// serves every host: it must not block and not call libvirt.
type Listener = Box<dyn Fn(&str, u32, u32) + Send + Sync>;

/// A subscription to events of a connection's domains; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Subscription {
    connect: Connect,
    id: c_int,
}

/// A callback as libvirt takes it for every kind of event.
type Callback = unsafe extern "C" fn(virt_sys::virConnectPtr, virt_sys::virDomainPtr, *mut c_void);

impl Subscription {
    /// Calls `listener` for each change in a domain's life from now on, with `virDomainEventType` and its detail.
    pub(super) fn lifecycle(connect: &Connect, listener: Listener) -> Result<Self, Error> {
        let callback: unsafe extern "C" fn(_, _, _, _, _) -> c_int = on_lifecycle;
        // SAFETY: libvirt documents this cast: the event's id says what the callback's true signature is.
        let callback = unsafe {
            std::mem::transmute::<
                unsafe extern "C" fn(
                    virt_sys::virConnectPtr,
                    virt_sys::virDomainPtr,
                    c_int,
                    c_int,
                    *mut c_void,
                ) -> c_int,
                Callback,
            >(callback)
        };
        Self::listen(connect, virt_sys::VIR_DOMAIN_EVENT_ID_LIFECYCLE, callback, listener)
    }

    /// The same when a guest's agent opens its port or leaves it, with `virConnectDomainEventAgentLifecycleState` and the
    /// reason.
    pub(super) fn agent(connect: &Connect, listener: Listener) -> Result<Self, Error> {
        let callback: unsafe extern "C" fn(_, _, _, _, _) = on_agent;
        // SAFETY: as for lifecycle events.
        let callback = unsafe {
            std::mem::transmute::<
                unsafe extern "C" fn(virt_sys::virConnectPtr, virt_sys::virDomainPtr, c_int, c_int, *mut c_void),
                Callback,
            >(callback)
        };
        Self::listen(connect, virt_sys::VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, callback, listener)
    }

    /// `callback` is that of the events of this kind.
    fn listen(connect: &Connect, kind: u32, callback: Callback, listener: Listener) -> Result<Self, Error> {
        let opaque = Box::into_raw(Box::new(listener)).cast::<c_void>();
        // SAFETY: `opaque` stays alive until libvirt calls `free_listener` with it.
        let id = unsafe {
            virt_sys::virConnectDomainEventRegisterAny(
                connect.as_ptr(),
                ptr::null_mut(),
                kind as c_int,
                Some(callback),
                opaque,
                Some(free_listener),
            )
        };
        if id < 0 {
            let error = Error::last_error();
            // SAFETY: libvirt did not take the listener, so it is still ours alone.
            drop(unsafe { Box::from_raw(opaque.cast::<Listener>()) });
            return Err(error);
        }
        Ok(Self { connect: connect.clone(), id })
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // SAFETY: the id was given by this connection and is given back once. An error means that the connection is
        // cut, which ends the subscription as well.
        unsafe { virt_sys::virConnectDomainEventDeregisterAny(self.connect.as_ptr(), self.id) };
    }
}

unsafe extern "C" fn on_lifecycle(
    _connect: virt_sys::virConnectPtr,
    domain: virt_sys::virDomainPtr,
    event: c_int,
    detail: c_int,
    opaque: *mut c_void,
) -> c_int {
    // SAFETY: as libvirt called us.
    unsafe { tell(domain, event, detail, opaque) };
    0
}

unsafe extern "C" fn on_agent(
    _connect: virt_sys::virConnectPtr,
    domain: virt_sys::virDomainPtr,
    state: c_int,
    reason: c_int,
    opaque: *mut c_void,
) {
    // SAFETY: as libvirt called us.
    unsafe { tell(domain, state, reason, opaque) };
}

/// # Safety
/// `opaque` is the listener that was registered, and libvirt holds the domain during the call.
unsafe fn tell(domain: virt_sys::virDomainPtr, what: c_int, detail: c_int, opaque: *mut c_void) {
    // SAFETY: by the caller's promise; the name lives as long as the domain. Reading it is a local call.
    let (listener, name) = unsafe {
        let name: *const c_char = virt_sys::virDomainGetName(domain);
        if name.is_null() {
            return;
        }
        (&*opaque.cast::<Listener>(), CStr::from_ptr(name))
    };
    if let Ok(name) = name.to_str() {
        listener(name, what as u32, detail as u32);
    }
}

unsafe extern "C" fn free_listener(opaque: *mut c_void) {
    // SAFETY: libvirt calls this once, after the last event.
    drop(unsafe { Box::from_raw(opaque.cast::<Listener>()) });
}
