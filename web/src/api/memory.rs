//! Memory that blobs and long answers in flight may take, and how long a client may hold it.
//!
//! What queries need to go on, ciphertexts and components above all, has room of its own: no number of large transfers
//! keeps it waiting.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use actix_web::{body::SizedStream, web::Bytes};
use futures::{Stream, stream};
use market::objects::BLOB_BYTES_MAX;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{BODY_TIME_MAX, PROGRESS_BYTES_MIN, blocking, places::Bounds};
use crate::Error;

/// The unit in which memory is counted.
const UNIT_BYTES: usize = 64 << 10;
/// Room of each kind in units; requests beyond it wait. 256 MiB is one ciphertext for each of all connections.
const SMALL_UNITS: u32 = 4_096;
const LARGE_UNITS: u32 = 4_096;
const REPLY_UNITS: u32 = 2_048;
const FORM_UNITS: u32 = 4_096;
/// Room for large blobs in bytes.
pub(super) const LARGE_BYTES: usize = LARGE_UNITS as usize * UNIT_BYTES;
/// What a form hears that finds no room.
const FORMS: Bounds = Bounds {
    what: "MiB for forms with files",
    all: FORM_UNITS as usize / UNITS_IN_A_MEBIBYTE,
    address: FORM_UNITS as usize / UNITS_IN_A_MEBIBYTE,
    seconds: 5,
    instead: "try again in a moment",
};
const UNITS_IN_A_MEBIBYTE: usize = (1 << 20) / UNIT_BYTES;
/// Bytes that an answer hands to the connection at once.
const CHUNK_BYTES: usize = 64 << 10;

/// What memory is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// Blobs of the small kinds.
    Small,
    /// Panels and documents.
    Large,
    /// Blocks and pages of leaves.
    Replies,
}

/// The memory there is.
pub(crate) struct Memory {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
    replies: Arc<Semaphore>,
    forms: Arc<Semaphore>,
}

/// Memory taken; given back when dropped.
pub(crate) struct Held(OwnedSemaphorePermit);

impl Default for Memory {
    fn default() -> Self {
        let room = |units: u32| Arc::new(Semaphore::new(units as usize));
        Self { small: room(SMALL_UNITS), large: room(LARGE_UNITS), replies: room(REPLY_UNITS), forms: room(FORM_UNITS) }
    }
}

fn units(bytes: usize, all: u32) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(all).clamp(1, all)
}

impl Memory {
    /// Waits for memory for at most so many bytes.
    pub(crate) async fn take(&self, room: Room, bytes: usize) -> Result<Held, Error> {
        let (memory, all) = match room {
            Room::Small => (&self.small, SMALL_UNITS),
            Room::Large => (&self.large, LARGE_UNITS),
            Room::Replies => (&self.replies, REPLY_UNITS),
        };
        let permit = Arc::clone(memory).acquire_many_owned(units(bytes, all)).await;
        permit.map(Held).map_err(|_| Error::Stopping)
    }

    /// Runs what reads a panel once there is memory for one, which is given back when the work is done: it goes on though
    /// nobody waits for the answer any more.
    ///
    /// # Errors
    /// Those of the work; [`Error::Stopping`] when the server stops.
    pub(super) async fn holding_panel<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let held = self.take(Room::Large, BLOB_BYTES_MAX).await?;
        blocking(move || {
            let _held = held;
            work()
        })
        .await
    }

    /// Memory for a form of which nothing came yet. Forms have room of their own, and take it as their bytes come: whoever
    /// announces much and sends little holds little.
    ///
    /// # Errors
    /// [`Error::Full`] when there is none; nobody waits for it.
    pub(crate) fn take_for_form(&self) -> Result<Held, Error> {
        let permit = Arc::clone(&self.forms).try_acquire_many_owned(1);
        permit.map(Held).map_err(|_| FORMS.full(FORMS.all))
    }
}

impl Held {
    /// Takes what a form needs by now.
    ///
    /// # Errors
    /// [`Error::Full`] when there is not as much; what is held stays held until it is dropped.
    pub(crate) fn grow_to(&mut self, bytes: usize) -> Result<(), Error> {
        if self.grows_to(bytes) { Ok(()) } else { Err(FORMS.full(FORMS.all)) }
    }

    /// Takes what is needed by now, whatever for, if there is as much; nobody waits for it.
    pub(super) fn grows_to(&mut self, bytes: usize) -> bool {
        let held = u32::try_from(self.0.num_permits()).unwrap_or(u32::MAX);
        let more = units(bytes, u32::MAX).saturating_sub(held);
        if more > 0 {
            let Ok(more) = Arc::clone(self.0.semaphore()).try_acquire_many_owned(more) else { return false };
            self.0.merge(more);
        }
        true
    }

    /// Gives back what turned out not to be needed.
    fn shrink_to(&mut self, bytes: usize) {
        let held = self.0.num_permits();
        let needed = units(bytes, u32::MAX) as usize;
        drop(self.0.split(held.saturating_sub(needed)));
    }
}

/// An answer's bytes on their way out, with their memory.
struct Outgoing {
    rest: Bytes,
    handed: usize,
    _memory: Held,
}

/// Empty once all is handed over, or once the client was let go.
type Slot = Mutex<Option<Outgoing>>;

/// The bytes piece by piece. Their memory is held until the connection took the last, and no longer than a client takes
/// that reads [`PROGRESS_BYTES_MIN`] in each [`BODY_TIME_MAX`].
pub(super) fn in_pieces(bytes: Bytes, memory: Held) -> SizedStream<impl Stream<Item = Result<Bytes, Error>> + use<>> {
    in_pieces_within(bytes, memory, BODY_TIME_MAX)
}

fn in_pieces_within(
    bytes: Bytes,
    mut memory: Held,
    pause_max: Duration,
) -> SizedStream<impl Stream<Item = Result<Bytes, Error>> + use<>> {
    let length = bytes.len() as u64;
    memory.shrink_to(bytes.len());
    let slot: Arc<Slot> = Arc::new(Mutex::new(Some(Outgoing { rest: bytes, handed: 0, _memory: memory })));
    // A client that stops reading stops the stream from being asked, so the time passes beside it.
    actix_web::rt::spawn(let_go(Arc::downgrade(&slot), pause_max));
    let pieces = stream::unfold((slot, length), move |(slot, left)| async move {
        if left == 0 {
            return None;
        }
        match next_piece(&slot) {
            Some(piece) => Some((Ok(piece.clone()), (slot, left.saturating_sub(piece.len() as u64)))),
            None => Some((Err(Error::Slow { limit: pause_max }), (slot, 0))),
        }
    });
    SizedStream::new(length, Box::pin(pieces))
}

/// The next piece; `None` when the client was let go.
fn next_piece(slot: &Slot) -> Option<Bytes> {
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    let outgoing = slot.as_mut()?;
    let piece = outgoing.rest.split_to(outgoing.rest.len().min(CHUNK_BYTES));
    outgoing.handed += piece.len();
    if outgoing.rest.is_empty() {
        *slot = None;
    }
    Some(piece)
}

/// Drops an answer whose client reads too slowly.
async fn let_go(slot: Weak<Slot>, pause_max: Duration) {
    let mut before = 0;
    loop {
        tokio::time::sleep(pause_max).await;
        let Some(slot) = slot.upgrade() else { return };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        match &*slot {
            Some(outgoing) if outgoing.handed >= before + PROGRESS_BYTES_MIN => before = outgoing.handed,
            _ => {
                *slot = None;
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use actix_web::{body::MessageBody, rt::System};
    use futures::future::{self, Either};
    use tokio::sync::oneshot;

    use super::*;

    fn run<T>(test: impl Future<Output = T>) -> T {
        System::new().block_on(test)
    }

    /// All that a body still hands over.
    async fn collect(body: impl MessageBody) -> Result<Vec<u8>, String> {
        let bytes = actix_web::body::to_bytes(body).await;
        bytes.map(|bytes| bytes.to_vec()).map_err(|error| error.into().to_string())
    }

    #[test]
    fn an_answer_comes_whole_and_gives_its_memory_back() {
        run(async {
            let memory = Memory::default();
            let sent: Vec<u8> = (0..3 * CHUNK_BYTES + 7).map(|place| place as u8).collect();
            let held = memory.take(Room::Large, 64 << 20).await.unwrap();
            let body = in_pieces(sent.clone().into(), held);
            assert_eq!(memory.large.available_permits(), LARGE_UNITS as usize - 4, "only what the answer needs");
            assert_eq!(collect(body).await.unwrap(), sent);
            assert_eq!(memory.large.available_permits(), LARGE_UNITS as usize);
            let held = memory.take(Room::Small, 1).await.unwrap();
            assert!(collect(in_pieces(Bytes::new(), held)).await.unwrap().is_empty());
        });
    }

    #[test]
    fn repro_memory_for_a_panel_is_held_until_it_was_read_though_nobody_waits_any_more() {
        run(async {
            let memory = Memory::default();
            let ((begin, begun), (go_on, goes_on)) = (oneshot::channel(), mpsc::channel::<()>());
            let reading = memory.holding_panel(move || {
                begin.send(()).unwrap();
                goes_on.recv().unwrap();
                Ok(())
            });
            let Either::Right((_, left)) = future::select(Box::pin(reading), begun).await else {
                panic!("the work ended before it was told to go on");
            };
            drop(left);
            let panel = units(BLOB_BYTES_MAX, LARGE_UNITS) as usize;
            assert_eq!(memory.large.available_permits(), LARGE_UNITS as usize - panel);
            go_on.send(()).unwrap();
            // This returns once the panel's is given back.
            memory.take(Room::Large, LARGE_BYTES).await.unwrap();
        });
    }

    #[test]
    fn a_form_takes_memory_as_it_comes_and_is_refused_where_there_is_no_more() {
        let memory = Memory::default();
        let mut forms: Vec<_> = (0..3).map(|_| memory.take_for_form().unwrap()).collect();
        assert_eq!(memory.forms.available_permits(), FORM_UNITS as usize - 3);
        forms[0].grow_to(200 << 20).unwrap();
        forms[0].grow_to(1).unwrap();
        let refused = forms[1].grow_to(100 << 20).unwrap_err().to_string();
        assert!(refused.contains("256 MiB for forms"), "{refused}");
        forms[2].grow_to(50 << 20).unwrap();
        drop(forms);
        assert_eq!(memory.forms.available_permits(), FORM_UNITS as usize);
    }

    #[test]
    fn repro_a_reader_of_a_large_blob_that_waits_holds_little_and_takes_the_rest_only_where_there_is_as_much() {
        run(async {
            let memory = Memory::default();
            let mut waiting = vec![];
            for _ in 0..4 {
                waiting.push(memory.take(Room::Large, 1 << 20).await.unwrap());
            }
            let grown: Vec<bool> = waiting.iter_mut().map(|held| held.grows_to(64 << 20)).collect();
            assert_eq!(grown, [true, true, true, true]);
            assert_eq!(memory.large.available_permits(), 0);
            waiting.pop();
            let mut late = memory.take(Room::Large, 1 << 20).await.unwrap();
            let other = memory.take(Room::Large, 1 << 20).await.unwrap();
            assert!(!late.grows_to(64 << 20) && late.grows_to(63 << 20), "what is held stays held");
            drop(other);
            assert!(late.grows_to(64 << 20));
        });
    }

    #[test]
    fn repro_clients_that_stop_reading_hold_no_memory_and_none_of_the_small_kinds() {
        run(async {
            let memory = Memory::default();
            let mut bodies = vec![];
            for _ in 0..4 {
                let held = memory.take(Room::Large, 64 << 20).await.unwrap();
                let mut body = Box::pin(in_pieces_within(vec![1; 64 << 20].into(), held, Duration::from_millis(5)));
                future::poll_fn(|context| body.as_mut().poll_next(context)).await.unwrap().unwrap();
                bodies.push(body);
            }
            memory.take(Room::Small, 1 << 20).await.unwrap();
            // Nobody reads on; this returns once all four are let go.
            memory.take(Room::Large, 256 << 20).await.unwrap();
            for body in bodies {
                assert!(collect(body).await.unwrap_err().contains("took longer"));
            }
        });
    }
}
