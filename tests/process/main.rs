//! The process manager on the real binary: signals, crashes, `ctl`, and reloads under load.

#[path = "../api/example_server.rs"]
#[expect(dead_code, reason = "shared with tests/api, which uses all of it")]
mod example_server;
#[path = "../api/harness/mod.rs"]
#[expect(dead_code, reason = "the harness is shared with tests/api, which uses all of it")]
mod harness;

mod control;
mod cores;
mod crashes;
mod edge;
mod events;
mod files;
mod generations;
mod gunicorn;
mod health;
mod limits;
mod load;
mod metrics;
mod mix;
#[path = "../../src/storage/postgres/tests/server.rs"]
mod postgres;
mod reload;
mod renewal;
mod root;
mod server;
mod settings;
mod signals;
mod soak;
mod supervised;
mod terminal;
mod waiting;
mod websocket;
