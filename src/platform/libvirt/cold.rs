//! Moves of guests that stand still: saved to disk on the source, brought to the target, restored there.
//!
//! Files go from one libvirtd to the other through this process, by the streams of both, so that the hosts need no way
//! to each other. The guest's clock is not set afterwards.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Instant;

use virt::connect::Connect;
use virt::error::Error;
use virt::storage_vol::StorageVol;
use virt::stream::Stream;

use super::host::Host;
use super::migrate::{Move, runs_on};
use super::preflight::Traveller;
use super::trouble::Trouble;
use super::xml::escape;
use super::{ffi, overlay, serial};
use crate::fleet::HostId;
use crate::platform::End;

/// How much of a file goes over at once, and how many such pieces wait for the slower side.
const PIECE: usize = 1 << 18;
const WAITING: usize = 8;

/// Moves a VM that stands still meanwhile; how that ended, and on which host it is then. Where it does not arrive it goes on
/// on its source.
pub(super) fn carry(source: &Host, target: &Host, this: &Arc<Move>, traveller: &Traveller) -> (End, Option<HostId>) {
    let name = &this.name;
    let file = format!("{name}.save");
    let began = Instant::now();
    if let Err(trouble) = save(source, name, &file) {
        return match runs_on(source, name) {
            Ok(true) if this.cancelled() => (End::Cancelled, Some(source.id)),
            Ok(true) => (End::Failed(trouble.to_string().into()), Some(source.id)),
            _ => (End::Failed(format!("{trouble}; whether it runs on {} is in doubt", source.name).into()), None),
        };
    }
    let brought = bring_all(source, target, this, traveller, &file);
    let arrived = brought.and_then(|()| restore(target, name, &file).map_err(|trouble| trouble.to_string()));
    // A call that was cut off may have had its effect.
    let (end, at) = if arrived.is_ok() || matches!(runs_on(target, name), Ok(true)) {
        this.stood_still(began.elapsed());
        (End::Done, Some(target.id))
    } else {
        go_back(source, this, &file, &arrived.err().unwrap_or_default())
    };
    if at.is_some() {
        for host in [source, target] {
            remove(host, &file);
        }
    }
    (end, at)
}

/// Lets the guest go on where it was saved.
fn go_back(source: &Host, this: &Move, file: &str, why: &str) -> (End, Option<HostId>) {
    match restore(source, &this.name, file) {
        Ok(()) if this.cancelled() => (End::Cancelled, Some(source.id)),
        Ok(()) => (End::Failed(format!("{why}; it runs on {} again", source.name).into()), Some(source.id)),
        Err(trouble) => {
            let kept = overlay::in_pool(file);
            (End::Failed(format!("{why}; nor did it come back: {trouble}; its memory is kept in {kept}").into()), None)
        }
    }
}

fn save(host: &Host, name: &str, file: &str) -> Result<(), Trouble> {
    let (wanted, path) = (name.to_owned(), overlay::in_pool(file));
    host.call(&format!("saving {name}"), move |connect| {
        overlay::pool(connect)?;
        ffi::save(&connect.lookup_domain_by_name(&wanted)?, &path)
    })
}

fn restore(host: &Host, name: &str, file: &str) -> Result<(), Trouble> {
    let path = overlay::in_pool(file);
    host.call(&format!("restoring {name}"), move |connect| connect.restore_domain_flags(&path, None, 0))
}

fn bring_all(source: &Host, target: &Host, this: &Arc<Move>, traveller: &Traveller, file: &str) -> Result<(), String> {
    if let Some(mark) = &traveller.mark {
        if mark.image.is_some() {
            bring(source, target, this, &overlay::file(&this.name, &traveller.uuid))?;
        }
        // QEMU on the target opens it at its start.
        serial::carry(source, target, &this.name, &traveller.uuid);
    }
    bring(source, target, this, file)
}

/// What goes from the reading to the writing side: a piece of the file, or that it has ended well.
type Piece = Option<Vec<u8>>;

/// Brings a file of one host's pool into the other's.
fn bring(source: &Host, target: &Host, this: &Arc<Move>, file: &str) -> Result<(), String> {
    let (pieces, taken) = mpsc::sync_channel::<Piece>(WAITING);
    let (doing, wanted) = (format!("bringing {file}"), file.to_owned());
    thread::scope(|scope| {
        let writing = scope.spawn(|| target.call(&doing, move |connect| write(connect, &wanted, &taken)));
        let (wanted, counted) = (file.to_owned(), this.counter());
        let read = source.call(&doing, move |connect| read(connect, &wanted, &pieces, &counted));
        let written = writing.join().unwrap_or(Ok(false));
        match (read, written) {
            (Ok(true), Ok(true)) => Ok(()),
            (_, Err(trouble)) | (Err(trouble), _) => Err(trouble.to_string()),
            _ => Err(format!("{file} was not brought to {}", target.name)),
        }
    })
}

/// Reads a file to its end; false where nobody takes it any more.
fn read(
    connect: &Connect,
    file: &str,
    pieces: &SyncSender<Piece>,
    counted: &dyn Fn(usize) -> bool,
) -> Result<bool, Error> {
    let pool = overlay::pool(connect)?;
    pool.refresh(0)?;
    let volume = pool.lookup_storage_vol_by_name(file)?;
    let stream = Stream::new(connect, 0)?;
    volume.download(&stream, 0, 0, 0)?;
    loop {
        let mut piece = vec![0; PIECE];
        let count = stream.recv(&mut piece)?;
        if count <= 0 {
            break;
        }
        piece.truncate(count as usize);
        if !counted(piece.len()) || pieces.send(Some(piece)).is_err() {
            stream.abort()?;
            return Ok(false);
        }
    }
    stream.finish()?;
    Ok(pieces.send(None).is_ok())
}

/// Writes what comes; false where it did not come to its end.
fn write(connect: &Connect, file: &str, taken: &Receiver<Piece>) -> Result<bool, Error> {
    let pool = overlay::pool(connect)?;
    if let Ok(old) = pool.lookup_storage_vol_by_name(file) {
        old.delete(0)?;
    }
    let definition = format!(
        "<volume><name>{}</name><capacity unit='bytes'>0</capacity><allocation>0</allocation>\
         <target><format type='raw'/><permissions><mode>0600</mode></permissions></target></volume>",
        escape(file)
    );
    let volume = StorageVol::create_xml(&pool, &definition, 0)?;
    let stream = Stream::new(connect, 0)?;
    volume.upload(&stream, 0, 0, 0)?;
    loop {
        match taken.recv() {
            Ok(Some(piece)) => {
                let mut left = &piece[..];
                while !left.is_empty() {
                    let sent = stream.send(left)?;
                    left = &left[(sent.max(0) as usize).min(left.len())..];
                }
            }
            Ok(None) => {
                stream.finish()?;
                return Ok(true);
            }
            Err(_) => {
                stream.abort()?;
                return Ok(false);
            }
        }
    }
}

fn remove(host: &Host, file: &str) {
    let wanted = file.to_owned();
    let removed = host.call(&format!("removing {file}"), move |connect| {
        let pool = overlay::pool(connect)?;
        // What libvirt itself wrote it has not listed yet.
        pool.refresh(0)?;
        pool.lookup_storage_vol_by_name(&wanted)?.delete(0)
    });
    if let Err(trouble) = removed
        && !trouble.not_there()
    {
        tracing::warn!(%trouble, "a saved guest's file stays");
    }
}
