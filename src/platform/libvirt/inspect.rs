//! What is asked of one VM at a time: its definition, its screen, its serial log, what its hypervisor says.
//!
//! Each question has a thread of its own, as a call may block for as long as its host pleases; at most [`AT_ONCE`] are
//! asked of a host at a time.

use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use virt::connect::Connect;
use virt::error::Error;
use virt::stream::Stream;

use super::ffi::{self, Control};
use super::host::Host;
use super::serial;
use super::state;
use super::trouble::Trouble;
use super::work;
use crate::fleet::{Bytes, Details, Inquiry, Job, Picture, Told};
use crate::platform::Reply;

/// How many questions a host is asked at once.
const AT_ONCE: usize = 4;
/// How long QEMU itself may take to answer. It answers at once while it runs.
const ANSWER: Duration = Duration::from_secs(2);
/// The largest file of a screen that is read: one of 3840 by 2160 pixels without compression.
const LARGEST: usize = 32 << 20;
/// How much is read at once.
const CHUNK: usize = 256 << 10;

/// One of the questions that are asked at once.
struct Turn(Arc<AtomicUsize>);

impl Turn {
    fn take(asking: &Arc<AtomicUsize>) -> Option<Self> {
        let turn = Self(asking.clone());
        (asking.fetch_add(1, Ordering::Relaxed) < AT_ONCE).then_some(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Asks a host about a VM; `reply` is called with the answer, on another thread.
pub(super) fn ask(host: &Arc<Host>, vm: &Arc<str>, inquiry: Inquiry, reply: Reply) {
    let Some(turn) = Turn::take(&host.asking) else {
        return reply(Err(format!("{}: {AT_ONCE} earlier questions still wait for its answers", host.name).into()));
    };
    let (asked, vm) = (host.clone(), vm.clone());
    let spawned = thread::Builder::new().name(format!("ask about {vm}")).spawn(move || {
        let told = answer(&asked, &vm, inquiry, &turn);
        drop(turn);
        reply(told);
    });
    if let Err(error) = spawned {
        tracing::error!(%error, host = &*host.name, "no thread for a question");
    }
}

fn answer(host: &Arc<Host>, vm: &str, inquiry: Inquiry, turn: &Turn) -> Result<Told, Arc<str>> {
    let told = |trouble: Trouble| trouble.to_string().into();
    match inquiry {
        Inquiry::Xml => {
            let wanted = vm.to_owned();
            let read = move |connect: &Connect| connect.lookup_domain_by_name(&wanted)?.xml_desc(0);
            let xml = host.call(&format!("reading the definition of {vm}"), read).map_err(told)?;
            Ok(Told::Xml(xml.into()))
        }
        Inquiry::Serial { from, most } => serial::read(host, vm, from, most.into()).map(Told::Serial).map_err(told),
        Inquiry::Screen => {
            let wanted = vm.to_owned();
            let take = move |connect: &Connect| screenshot(connect, &wanted);
            let (kind, bytes) = host.call(&format!("looking at the screen of {vm}"), take).map_err(told)?;
            let read = picture(&kind, &bytes);
            let picture = read.map_err(|why| format!("{}: the screen of {vm} cannot be read: {why}", host.name))?;
            Ok(Told::Screen(Arc::new(picture)))
        }
        Inquiry::Details => details(host, vm, turn).map(|details| Told::Details(Arc::new(details))).map_err(told),
    }
}

fn details(host: &Arc<Host>, vm: &str, turn: &Turn) -> Result<Details, Trouble> {
    let wanted = vm.to_owned();
    let look = move |connect: &Connect| {
        let domain = connect.lookup_domain_by_name(&wanted)?;
        let (state, reason) = ffi::domain_state(&domain)?;
        let (state, reason) = state::words(state, reason);
        let details = Details {
            state: state.into(),
            reason: reason.into(),
            job: None,
            hypervisor: Err("it does not run".into()),
            id: domain.id(),
            uuid: domain.uuid_string()?.into(),
            persistent: domain.is_persistent()?,
            // Transient domains cannot be asked.
            autostart: domain.autostart().unwrap_or(false),
        };
        Ok((details, work::mark(&domain).is_some(), ffi::control(&domain)))
    };
    let (mut details, ours, control) = host.call(&format!("asking about {vm}"), look)?;
    if details.id.is_none() {
        return Ok(details);
    }
    details.hypervisor = match control {
        // Whoever asks the same of a QEMU that hangs only hangs as well.
        Control::Occupied(since) if since > ANSWER => Err(format!("no answer for {} s", since.as_secs()).into()),
        Control::Error => Err("libvirt has lost its monitor".into()),
        _ => {
            let (job, said) = hypervisor(host, vm, ours, turn);
            details.job = job;
            said
        }
    };
    Ok(details)
}

/// What QEMU says of a VM's job and of itself, as far as it answers in time.
fn hypervisor(host: &Arc<Host>, vm: &str, ours: bool, turn: &Turn) -> (Option<Job>, Result<Arc<str>, Arc<str>>) {
    let (answer, answered) = mpsc::sync_channel(1);
    // It counts for as long as it hangs.
    turn.0.fetch_add(1, Ordering::Relaxed);
    let turn = Turn(turn.0.clone());
    let (host, wanted) = (host.clone(), vm.to_owned());
    let spawned = thread::Builder::new().name(format!("ask QEMU of {vm}")).spawn(move || {
        let _turn = turn;
        let ask = move |connect: &Connect| {
            let domain = connect.lookup_domain_by_name(&wanted)?;
            let job = ffi::job_figures(&domain, false)?;
            let job = job.any.then_some(Job {
                elapsed_ms: job.elapsed_ms,
                processed: Bytes(job.processed),
                remaining: Bytes(job.remaining),
                total: Bytes(job.total),
            });
            // libvirt marks a domain whose QEMU others have spoken to. That is for its owner to decide.
            let status = ours.then(|| domain.qemu_monitor_command(r#"{"execute":"query-status"}"#, 0));
            Ok((job, status))
        };
        drop(answer.send(host.call("asking QEMU", ask)));
    });
    if let Err(error) = spawned {
        return (None, Err(error.to_string().into()));
    }
    match answered.recv_timeout(ANSWER) {
        Ok(Ok((job, status))) => (job, said(status)),
        Ok(Err(trouble)) => (None, Err(trouble.to_string().into())),
        Err(_) => (None, Err(format!("no answer within {} s", ANSWER.as_secs()).into())),
    }
}

/// QEMU's word for what it does, as in `running` or `io-error`.
fn said(status: Option<Result<String, Error>>) -> Result<Arc<str>, Arc<str>> {
    let text = match status {
        None => return Err("not asked: the VM is not Hemera's".into()),
        Some(Err(error)) => return Err(error.message().into()),
        Some(Ok(text)) => text,
    };
    let read: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    let word = read.as_ref().and_then(|read| read["return"]["status"].as_str());
    word.map(Into::into).ok_or_else(|| format!("an answer that is none: {text}").into())
}

/// The picture of a VM's first screen: its MIME type and its bytes.
fn screenshot(connect: &Connect, vm: &str) -> Result<(String, Vec<u8>), Error> {
    let stream = Stream::new(connect, 0)?;
    let kind = connect.lookup_domain_by_name(vm)?.screenshot(&stream, 0, 0)?;
    let (mut bytes, mut chunk) = (Vec::new(), vec![0; CHUNK]);
    loop {
        let count = stream.recv(&mut chunk)?;
        if count <= 0 || bytes.len() > LARGEST {
            break;
        }
        bytes.extend_from_slice(&chunk[..count as usize]);
    }
    stream.finish()?;
    Ok((kind, bytes))
}

/// Reads a picture as QEMU makes them: PNG since its version 7.1, before that PPM.
fn picture(kind: &str, bytes: &[u8]) -> Result<Picture, String> {
    if bytes.len() > LARGEST {
        return Err(format!("it has more than {LARGEST} bytes"));
    }
    match kind {
        "image/png" => png(bytes).map_err(|error| error.to_string()),
        "image/x-portable-pixmap" => ppm(bytes).ok_or_else(|| "it is not a PPM file".to_owned()),
        other => Err(format!("it is {other}, neither PNG nor PPM")),
    }
}

fn png(bytes: &[u8]) -> Result<Picture, png::DecodingError> {
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), png::Limits { bytes: LARGEST });
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info()?;
    let mut pixels = vec![0; reader.output_buffer_size().unwrap_or(0)];
    let frame = reader.next_frame(&mut pixels)?;
    pixels.truncate(frame.buffer_size());
    let rgb = match frame.color_type.samples() {
        3 => pixels,
        // Grey, with or without a fourth channel that says how much of it covers.
        samples @ (1 | 2) => pixels.chunks(samples).flat_map(|pixel| [pixel[0]; 3]).collect(),
        samples => pixels.chunks(samples).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect(),
    };
    Ok(Picture { width: frame.width, height: frame.height, rgb })
}

/// Reads the plain file that QEMU writes: `P6`, width, height, 255, then three bytes a pixel.
fn ppm(bytes: &[u8]) -> Option<Picture> {
    let mut at = 0;
    let mut word = || {
        let start = at + bytes[at..].iter().position(|b| !b.is_ascii_whitespace())?;
        let end = start + bytes[start..].iter().position(u8::is_ascii_whitespace)?;
        at = end;
        std::str::from_utf8(&bytes[start..end]).ok()
    };
    if word()? != "P6" {
        return None;
    }
    let (width, height): (u32, u32) = (word()?.parse().ok()?, word()?.parse().ok()?);
    if word()? != "255" {
        return None;
    }
    let length = (width as usize).checked_mul(height as usize)?.checked_mul(3)?;
    let rgb = bytes.get(at + 1..)?.get(..length)?.to_vec();
    Some(Picture { width, height, rgb })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two pixels above one another: red, then a blue.
    const RGB: [u8; 6] = [255, 0, 0, 1, 2, 200];

    #[test]
    fn pictures_are_read_as_qemu_writes_them() {
        let plain = [&b"P6\n1 2\n255\n"[..], &RGB].concat();
        let mut packed = Vec::new();
        let mut encoder = png::Encoder::new(&mut packed, 1, 2);
        encoder.set_color(png::ColorType::Rgb);
        encoder.write_header().unwrap().write_image_data(&RGB).unwrap();
        for (kind, bytes) in [("image/x-portable-pixmap", &plain), ("image/png", &packed)] {
            let picture = picture(kind, bytes).unwrap();
            assert_eq!((picture.width, picture.height), (1, 2), "{kind}");
            assert_eq!((picture.pixel(0, 0), picture.pixel(0, 1)), ([255, 0, 0], [1, 2, 200]), "{kind}");
            assert_eq!((picture.pixel(1, 0), picture.pixel(0, 2)), ([0; 3], [0; 3]), "{kind}");
        }
        for broken in [&b"P6\n1 2\n255\n"[..], b"P6 9999999 9999999 255 ", b"P5\n1 2\n255\n123456", b"", b"P6"] {
            assert!(picture("image/x-portable-pixmap", broken).is_err());
        }
        assert!(picture("image/png", &packed[..20]).is_err());
        assert!(picture("image/jpeg", &packed).unwrap_err().contains("image/jpeg"));
    }

    #[test]
    fn qemu_is_understood() {
        let answer = r#"{"return":{"status":"io-error","singlestep":false,"running":false},"id":"libvirt-9"}"#;
        assert_eq!(said(Some(Ok(answer.into()))).unwrap().as_ref(), "io-error");
        assert!(said(Some(Ok("{}".into()))).is_err());
        assert!(said(None).is_err());
    }
}
