//! The sink writes every line once, in order, and waits for nobody.

use super::testing::Pipe;
use super::*;

const LONG: Duration = Duration::from_mins(1);

fn plain() -> Open {
    Arc::new(open_file)
}

#[test]
fn lines_arrive_in_order() {
    let pipe = Pipe::default();
    let mut sink = Sink::new("test", pipe.clone()).unwrap();
    for number in 0..10_000 {
        writeln!(sink, "{number}").unwrap();
    }
    sink.drain(LONG);
    let numbers = (0..10_000).map(|number| number.to_string());
    assert!(pipe.text().lines().eq(numbers));
}

#[test]
fn a_line_arrives_without_a_drain() {
    let pipe = Pipe::default();
    let mut sink = Sink::new("test", pipe.clone()).unwrap();
    writeln!(sink, "one").unwrap();
    while pipe.text() != "one\n" {
        std::thread::yield_now();
    }
}

#[test]
fn a_blocked_reader_costs_lines_and_no_time() {
    let pipe = Pipe::default();
    let mut sink = Sink::new("test", pipe.clone()).unwrap();
    let held = pipe.hold();
    let line = [b'x'; 1 << 10];
    sink.write_all(&line).unwrap();
    // From here on it waits for the reader.
    while !sink.0.lock().writing {
        std::thread::yield_now();
    }
    for _ in 0..3 * (CAP / line.len()) {
        sink.write_all(&line).unwrap();
    }
    assert!(sink.0.lock().buffer.len() <= CAP);
    assert!(sink.0.lock().dropped > 0);
    sink.drain(Duration::from_millis(1));
    drop(held);
    sink.drain(LONG);
    assert!(pipe.text().len() >= CAP);
}

#[test]
fn a_sink_without_writers_is_flushed_and_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    let mut sink = Sink::new("a.log", LogFile::open(&path, &plain()).unwrap()).unwrap();
    let shared = Arc::downgrade(&sink.0.0);
    let other = sink.clone();
    writeln!(sink, "last").unwrap();
    drop(sink);
    assert!(!other.0.lock().closed);
    drop(other);
    // The thread holds it until it ends.
    while shared.upgrade().is_some() {
        std::thread::yield_now();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "last\n");
}

#[test]
fn a_file_that_was_moved_away_is_created_again() {
    let folder = tempfile::tempdir().unwrap();
    let [path, moved] = ["a.log", "a.log.1"].map(|name| folder.path().join(name));
    let mut sink = Sink::new("a.log", LogFile::open(&path, &plain()).unwrap()).unwrap();
    writeln!(sink, "old").unwrap();
    sink.drain(LONG);
    std::fs::rename(&path, &moved).unwrap();
    writeln!(sink, "late").unwrap();
    sink.drain(LONG);
    sink.reopen();
    sink.drain(LONG);
    writeln!(sink, "new").unwrap();
    sink.drain(LONG);
    assert_eq!(std::fs::read_to_string(&moved).unwrap(), "old\nlate\n");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "new\n");
}

#[test]
fn a_file_that_cannot_be_created_again_stays_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("logs");
    std::fs::create_dir(&inner).unwrap();
    let mut sink = Sink::new("a", LogFile::open(&inner.join("a.log"), &plain()).unwrap()).unwrap();
    let moved = folder.path().join("moved");
    std::fs::rename(&inner, &moved).unwrap();
    sink.reopen();
    sink.drain(LONG);
    writeln!(sink, "still here").unwrap();
    sink.drain(LONG);
    assert_eq!(std::fs::read_to_string(moved.join("a.log")).unwrap(), "still here\n");
}
