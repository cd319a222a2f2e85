//! The real binary, asked from outside: by curl, sockets, nginx, Python clients and a browser.

mod admin;
mod authorization;
mod browser;
mod clients;
mod command_line;
mod deployment;
mod documents;
mod example_server;
mod examples;
mod fairness;
mod golden;
mod gone;
mod greedy;
mod harness;
mod library;
mod logging;
mod monitoring;
mod nginx;
mod people;
mod profiles;
mod readme;
mod schemes;
mod serving;
mod signer;
mod tokens;
mod users;
