//! The real binary, asked from outside: by curl, sockets, nginx, Python clients and a browser.

mod browser;
mod clients;
mod command_line;
mod deployment;
mod golden;
mod harness;
mod logging;
mod nginx;
mod serving;
