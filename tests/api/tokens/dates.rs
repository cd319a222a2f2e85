//! `exp`, `nbf` and `iat` with a fraction, as `time.time()` gives them.

use super::{status, with_bob};
use crate::clients::python_tool;
use crate::harness::{repository, run_tool};
use crate::signer::now;
use serde_json::json;
use std::fs;

/// The clock only moves forward, so each verdict stays valid, however slow the machine.
#[test]
#[expect(clippy::cast_precision_loss, reason = "dates of this age fit an f64's 53 bits")]
fn a_fraction_of_a_second_is_dropped() {
    let app = with_bob("");
    let bob = |exp: f64, nbf: f64, iat: f64| {
        let claims = json!({"sub": "bob", "scopes": ["me"], "exp": exp, "nbf": nbf, "iat": iat});
        status(&app, &claims)
    };
    for fraction in [0.000_001, 0.25, 0.5, 0.999_999] {
        let this = now() as f64 + fraction;
        assert_eq!(bob(this + 600.0, this, this), 200, "good from {this} on");
        assert_eq!(bob(this, 0.0, this), 401, "good until {this}");
        assert_eq!(bob(this + 600.0, -fraction, -this), 200, "dates before 1970");
        assert_eq!(bob(this + 600.0, this + 300.0, this), 401, "good in five minutes");
        assert_eq!(bob(1e300, 0.0, 1e300), 200, "good for ever");
    }
}

/// The unit tests' reference is what the pinned libraries do.
#[test]
fn the_recorded_dates_are_those_of_the_python_libraries() {
    let recorded = fs::read_to_string(repository("tests/clients/numeric_dates.json"));
    let script = repository("tests/clients/numeric_dates.py");
    let mut python = python_tool("python");
    python.arg(script).args(["1800000000", "a signing secret of at least 32 bytes"]);
    assert_eq!(run_tool(&mut python), recorded.expect("the record"));
}
