//! A link between two sites in user space, for kernels without `netem`: moves Ethernet frames between two TAP devices,
//! each at the link's rate and after its delay.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use tun_rs::{DeviceBuilder, Layer, SyncDevice};

use super::LabError;
use super::link::QUEUE_MS;
use super::plan::Shape;

/// The largest frame: an Ethernet header, a VLAN tag and the usual 1500 bytes are far below it.
const FRAME: usize = 2048;
/// Frames on their way at most. At 1 Gbit/s and 10 ms there are up to 5000 of full size.
const FRAMES: usize = 1 << 16;

/// When frames leave a link: it sends one after another at its rate, and drops what would wait for too long.
#[derive(Debug)]
struct Shaper {
    bytes_per_second: f64,
    delay: Duration,
    /// When all frames so far will have been sent.
    free: Instant,
}

impl Shaper {
    fn new(shape: Shape, now: Instant) -> Self {
        Self { bytes_per_second: shape.rate().0, delay: shape.delay(), free: now }
    }

    /// When a frame that comes now is to come out at the other end; none where it is dropped.
    fn admit(&mut self, now: Instant, bytes: usize) -> Option<Instant> {
        let starts = self.free.max(now);
        if starts.duration_since(now) > Duration::from_millis(QUEUE_MS) {
            return None;
        }
        self.free = starts + Duration::from_secs_f64(bytes as f64 / self.bytes_per_second);
        Some(self.free + self.delay)
    }
}

/// Moves frames between the TAP devices `a` and `b` of this network namespace, which are there, until the process ends.
///
/// # Errors
/// Where a device cannot be opened, or is taken away.
pub fn relay(a: &str, b: &str, shape: Shape) -> Result<(), LabError> {
    let (first, second) = (open(a)?, open(b)?);
    let ways = [(first.clone(), second.clone(), a, b), (second, first, b, a)];
    // The first way that breaks breaks the link: a cable that works one way only would be harder to understand.
    let (broken, ended) = sync_channel(4);
    for (from, to, from_name, to_name) in ways {
        let (sender, receiver) = sync_channel(FRAMES);
        for (name, half) in
            [(from_name.to_owned(), Half::In(from, sender)), (to_name.to_owned(), Half::Out(to, receiver))]
        {
            let broken = broken.clone();
            let work = move || {
                let error = half.work(shape);
                let _ = broken.send(LabError::File { path: name.into(), error });
            };
            thread::Builder::new().spawn(work).map_err(LabError::file(a))?;
        }
    }
    ended.recv().map_or(Ok(()), Err)
}

fn open(name: &str) -> Result<Arc<SyncDevice>, LabError> {
    DeviceBuilder::new()
        .name(name)
        .layer(Layer::L2)
        .with(|device| {
            device.packet_information(false);
        })
        .inherit_enable_state()
        .build_sync()
        .map(Arc::new)
        .map_err(LabError::file(name))
}

/// One end of one direction.
enum Half {
    In(Arc<SyncDevice>, SyncSender<(Instant, Box<[u8]>)>),
    Out(Arc<SyncDevice>, Receiver<(Instant, Box<[u8]>)>),
}

impl Half {
    /// Works until it breaks; says why.
    fn work(self, shape: Shape) -> std::io::Error {
        match self {
            Self::In(device, sender) => read(&device, &sender, shape),
            Self::Out(device, receiver) => write(&device, &receiver),
        }
    }
}

fn read(device: &SyncDevice, sender: &SyncSender<(Instant, Box<[u8]>)>, shape: Shape) -> std::io::Error {
    let mut shaper = Shaper::new(shape, Instant::now());
    let mut frame = [0; FRAME];
    loop {
        let length = match device.recv(&mut frame) {
            Ok(length) => length,
            Err(error) => return error,
        };
        if let Some(due) = shaper.admit(Instant::now(), length)
            && let Err(TrySendError::Disconnected(_)) = sender.try_send((due, frame[..length].into()))
        {
            return std::io::ErrorKind::BrokenPipe.into();
        }
    }
}

fn write(device: &SyncDevice, receiver: &Receiver<(Instant, Box<[u8]>)>) -> std::io::Error {
    while let Ok((due, frame)) = receiver.recv() {
        let wait = due.saturating_duration_since(Instant::now());
        if !wait.is_zero() {
            thread::sleep(wait);
        }
        // A port that is down takes no frames (EIO): the cable is cut there, not here.
        let _ = device.send(&frame);
    }
    std::io::ErrorKind::BrokenPipe.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_leave_at_the_rate_and_after_the_delay() {
        let now = Instant::now();
        let mut shaper = Shaper::new("8 Mbit/s,10 ms".parse().unwrap(), now);
        // A thousand bytes take a millisecond.
        assert_eq!(shaper.admit(now, 1000), Some(now + Duration::from_millis(11)));
        assert_eq!(shaper.admit(now, 1000), Some(now + Duration::from_millis(12)));
        let later = now + Duration::from_millis(100);
        assert_eq!(shaper.admit(later, 500), Some(later + Duration::from_micros(10_500)));
    }

    #[test]
    fn a_queue_takes_fifty_milliseconds_and_drops_the_rest() {
        let now = Instant::now();
        let mut shaper = Shaper::new("8 Mbit/s,0 ms".parse().unwrap(), now);
        let taken = (0..200).filter(|_| shaper.admit(now, 1000).is_some()).count();
        assert_eq!(taken, 51);
        assert!(shaper.admit(now + Duration::from_millis(10), 1000).is_some());
    }
}
