//! Writes lines whole, even when other processes write to the same place or the disk is full.

use super::shorten::shorten;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{FileType, SeekFrom, fstat, ftruncate, seek, tell};
use rustix::io::{Errno, write};
use std::io;
use std::os::fd::AsFd;

/// What a pipe accepts from one process without interleaving (`PIPE_BUF`, pipe(7)).
pub(super) const ATOMIC: usize = 4096;

/// A file, pipe, socket or terminal that receives whole lines.
pub(super) struct WholeLines<F> {
    end: F,
    /// Longest write and longest line, in bytes.
    longest: usize,
    /// Its last line is incomplete; the next write begins with a line break.
    is_torn: bool,
}

/// Lines that an output did not take.
#[derive(Debug)]
pub(super) struct Unwritten {
    pub(super) lines: u64,
    pub(super) error: io::Error,
}

impl Unwritten {
    /// None of these lines was written.
    pub(super) fn new(lines: &[u8], error: impl Into<io::Error>) -> Self {
        Self { lines: count(lines), error: error.into() }
    }

    /// Nor were the later ones.
    pub(super) fn before(self, later: &[u8]) -> Self {
        Self { lines: self.lines + count(later), ..self }
    }
}

fn count(lines: &[u8]) -> u64 {
    lines.split_inclusive(|byte| *byte == b'\n').count() as u64
}

impl<F: AsFd> WholeLines<F> {
    pub(super) fn new(end: F) -> Self {
        // The kernel never splits a write to a file or a terminal.
        let kind = fstat(&end).map(|stat| FileType::from_raw_mode(stat.st_mode));
        let is_shared = matches!(kind, Ok(FileType::Fifo | FileType::Socket));
        let longest = if is_shared { ATOMIC } else { usize::MAX };
        Self { end, longest, is_torn: false }
    }

    pub(super) fn end(&self) -> &F {
        &self.end
    }

    /// Continues in this one, which may be the same file.
    pub(super) fn replace(&mut self, end: F) {
        let is_torn = self.is_torn && fstat(&end).is_ok_and(|stat| stat.st_size > 0);
        *self = Self { is_torn, ..Self::new(end) };
    }

    /// Writes lines, each with its end.
    pub(super) fn put(&mut self, lines: &[u8]) -> Result<(), Unwritten> {
        if self.is_torn {
            self.write(b"\n").map_err(|(_, error)| Unwritten::new(lines, error))?;
            self.is_torn = false;
        }
        let mut rest = lines;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(self.fitting(rest));
            let written = if now.len() > self.longest {
                let short = shorten(now, self.longest);
                self.write(&short).map_err(|(_, error)| Unwritten::new(rest, error))
            } else {
                self.write(now).map_err(|(done, error)| Unwritten::new(&rest[done..], error))
            };
            written?;
            rest = later;
        }
        Ok(())
    }

    /// Bytes of the whole lines that fit into a write; at least one line.
    fn fitting(&self, lines: &[u8]) -> usize {
        let Some(most) = lines.get(..self.longest).filter(|most| most.len() < lines.len()) else {
            return lines.len();
        };
        let end = |bytes: &[u8]| bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let last = most.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
        last.or_else(|| end(lines)).unwrap_or(lines.len())
    }

    /// An error comes with the number of bytes written before it.
    fn write(&mut self, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
        let mut done = 0;
        while done < bytes.len() {
            let failure = match write(&self.end, &bytes[done..]) {
                Ok(0) => io::ErrorKind::WriteZero.into(),
                Ok(length) => {
                    done += length;
                    continue;
                }
                Err(Errno::INTR) => continue,
                // Another process that shares the stream may have made it non-blocking.
                Err(Errno::AGAIN) => match self.wait() {
                    Ok(()) => continue,
                    Err(error) => error.into(),
                },
                Err(error) => error.into(),
            };
            let half = bytes[..done].iter().rev().take_while(|byte| **byte != b'\n').count();
            if half > 0 && self.take_back(half as u64).is_none() {
                self.is_torn = true;
            }
            return Err((done, failure));
        }
        Ok(())
    }

    fn wait(&self) -> rustix::io::Result<()> {
        match poll(&mut [PollFd::new(&self.end, PollFlags::OUT)], None) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Cuts these bytes off the file's end, before another process appends a line.
    fn take_back(&self, bytes: u64) -> Option<()> {
        let file = fstat(&self.end).ok()?;
        let end = tell(&self.end).ok()?;
        // Another process may have written since.
        if FileType::from_raw_mode(file.st_mode) != FileType::RegularFile
            || u64::try_from(file.st_size) != Ok(end)
        {
            return None;
        }
        let start = end.checked_sub(bytes)?;
        ftruncate(&self.end, start).ok()?;
        // Otherwise a file not opened for appending would get a hole.
        seek(&self.end, SeekFrom::Start(start)).ok().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, pipe};
    use std::os::unix::net::UnixDatagram;
    use std::thread;

    #[test]
    fn no_write_to_a_socket_is_longer_than_a_pipe_takes_at_once() {
        // Each datagram is a write.
        let (here, there) = UnixDatagram::pair().unwrap();
        let mut end = WholeLines::new(here);
        let line = |length: usize| format!("{}\n", "x".repeat(length - 1));
        let lines: String = [1, 4_095, 1, 4_096, 5_000, 2].map(line).concat();
        let reader = thread::spawn(move || {
            let mut writes = Vec::new();
            let mut buffer = [0; 2 * ATOMIC];
            while writes.len() < 6 {
                let length = there.recv(&mut buffer).unwrap();
                assert_eq!(buffer[length - 1], b'\n');
                writes.push(length);
            }
            writes
        });
        end.put(lines.as_bytes()).unwrap();
        end.put(b"later\n").unwrap();
        assert_eq!(reader.join().unwrap(), [ATOMIC, 1, ATOMIC, ATOMIC, 2, 6]);
    }

    #[test]
    fn writers_to_a_slow_pipe_do_not_tear_each_others_lines() {
        let (mut reader, writer) = pipe().unwrap();
        for number in 0..4 {
            let writer = writer.try_clone().unwrap();
            thread::spawn(move || {
                let mut end = WholeLines::new(writer);
                for _ in 0..50 {
                    let length = [10, 900, 4_000, 6_000][number];
                    let line = format!("{}\n", number.to_string().repeat(length));
                    end.put(line.repeat(20).as_bytes()).unwrap();
                }
            });
        }
        drop(writer);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text.lines().count(), 4 * 50 * 20);
        for line in text.lines() {
            let line = line.replace("…[cut]", "3");
            assert!(line.bytes().all(|byte| byte == line.as_bytes()[0]), "{line}");
        }
    }

    #[test]
    fn a_non_blocking_pipe_takes_all() {
        let (mut reader, writer) = pipe().unwrap();
        rustix::io::ioctl_fionbio(&writer, true).unwrap();
        let lines = "whole\n".repeat(100_000);
        let sent = lines.clone();
        let writer = thread::spawn(move || WholeLines::new(writer).put(sent.as_bytes()).unwrap());
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        writer.join().unwrap();
        assert_eq!(text, lines);
    }

    #[test]
    fn a_half_line_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        for append in [true, false] {
            let file = std::fs::OpenOptions::new()
                .create(true)
                .append(append)
                .write(true)
                .open(&path)
                .unwrap();
            file.set_len(0).unwrap();
            let mut end = WholeLines::new(file);
            end.put(b"one\n").unwrap();
            end.write(b"tw").unwrap();
            end.take_back(2).unwrap();
            end.put(b"three\n").unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\nthree\n");
        }
    }

    #[test]
    fn a_half_line_that_cannot_be_taken_back_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let open = || crate::logging::open_file(&path).unwrap();
        let mut end = WholeLines::new(open());
        end.write(b"tw").unwrap();
        WholeLines::new(open()).put(b"another's\n").unwrap();
        assert_eq!(end.take_back(2), None);
        end.is_torn = true;
        end.put(b"three\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "twanother's\n\nthree\n");
    }

    #[test]
    fn a_full_disk_takes_nothing_and_says_so() {
        let mut end =
            WholeLines::new(std::fs::File::options().write(true).open("/dev/full").unwrap());
        let unwritten = end.put(b"one\ntwo\n").unwrap_err();
        assert_eq!((unwritten.lines, unwritten.error.kind()), (2, io::ErrorKind::StorageFull));
    }
}
