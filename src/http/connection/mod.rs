//! A client's connection, below HTTP: while a client does not read, its requests are not read, and
//! it is cut off in time; so is one whose slot others need.

mod slots;

pub(crate) use slots::ConnectionSlots;

use crate::http::budget::Budget;
use crate::logging::ERROR;
use slots::ConnectionSlot;
use socket2::SockRef;
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// Pause between two checks of a client that does not read; it has this long even when memory is
/// short.
const LOOK: Duration = Duration::from_secs(1);

/// Bytes handed to Actix at once. It decodes all requests among them, however many are waiting
/// already, at some KiB each: pipelined short requests would fill the memory.
const PIECE: usize = 1024;

/// A monitored stream.
#[derive(Debug)]
pub(crate) struct Stream<T> {
    io: T,
    slot: ConnectionSlot,
    send_timeout: Duration,
    budget: Arc<Budget>,
    /// Created once the client keeps us waiting.
    stalled: Option<Stalled>,
    /// The rest of a piece.
    piece: usize,
}

/// Nothing could be written since this time.
#[derive(Debug)]
struct Stalled {
    since: Instant,
    look: Pin<Box<Sleep>>,
}

impl<T: AsyncRead + AsyncWrite + AsFd + Unpin> Stream<T> {
    pub(crate) fn new(
        io: T,
        slot: ConnectionSlot,
        (send_timeout, budget): (Duration, Arc<Budget>),
    ) -> Self {
        Self { io, slot, send_timeout, budget, stalled: None, piece: PIECE }
    }

    /// The stream itself.
    pub(crate) fn io(&self) -> &T {
        &self.io
    }

    /// Fails once the client has not read for too long.
    ///
    /// The kernel's `TCP_USER_TIMEOUT` does not help: unix sockets do not have it, and a client
    /// that reads a byte now and then restarts it.
    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let stalled = self.stalled.get_or_insert_with(|| Stalled {
            since: Instant::now(),
            look: Box::pin(sleep(LOOK.min(self.send_timeout))),
        });
        while stalled.look.as_mut().poll(context).is_ready() {
            let now = Instant::now();
            let waited = now - stalled.since;
            if waited >= self.send_timeout || self.budget.is_spent() {
                log::debug!(
                    target: ERROR,
                    "a client that has not read for {} s is cut off (server.send_timeout)",
                    waited.as_secs()
                );
                // Discards what the kernel holds for it, too.
                let _ = SockRef::from(&self.io).set_linger(Some(Duration::ZERO));
                return Poll::Ready(ErrorKind::TimedOut.into());
            }
            stalled.look.as_mut().reset(now + LOOK.min(self.send_timeout.saturating_sub(waited)));
        }
        Poll::Pending
    }

    fn check_seat(&self, context: &Context<'_>) -> io::Result<()> {
        if self.slot.is_lost(context) { Err(ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }
}

impl<T: AsyncRead + AsyncWrite + AsFd + Unpin> AsyncRead for Stream<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check_seat(context)?;
        // A client that does not take responses gets no more requests read; the write wakes the
        // task, and notices a client that has gone.
        if this.stalled.is_some() {
            return Poll::Pending;
        }
        if this.piece == 0 {
            this.piece = PIECE;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let length = this.piece.min(buffer.remaining());
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(length));
        let polled = Pin::new(&mut this.io).poll_read(context, &mut part);
        let length = part.filled().len();
        buffer.advance(length);
        this.piece = if polled.is_pending() { PIECE } else { this.piece - length };
        polled
    }
}

impl<T: AsyncRead + AsyncWrite + AsFd + Unpin> AsyncWrite for Stream<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.io).poll_write(context, bytes) {
            Poll::Pending => {
                this.check_seat(context)?;
                this.poll_patience(context).map(Err)
            }
            written @ Poll::Ready(_) => {
                if this.stalled.take().is_some() {
                    // Reads were refused meanwhile, and nothing else would retry them.
                    context.waker().wake_by_ref();
                }
                written
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(context)
    }
}
