//! Programs that must not compile: callers without a guard, invalid scopes.

use actix_web::FromRequest;
use bailiwick::User;
use bailiwick::security::{ActiveUser, CurrentUser, Depends, Scoped};
use paperclip::actix::OperationModifier;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// Stops the build once the type implements the trait: then `_` could be either of two.
///
/// A rejected program would prove the same, but its error lists every type that does implement it.
macro_rules! does_not_implement {
    ($($type:ty: $trait:path;)+) => {$(
        const _: fn() = || {
            trait Ambiguous<T> {
                fn check() {}
            }
            struct Implements;
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + $trait> Ambiguous<Implements> for T {}
            let _ = <$type as Ambiguous<_>>::check;
        };
    )+};
}

does_not_implement! {
    // A handler cannot take a user that no guard has admitted.
    User: FromRequest;
    Arc<User>: FromRequest;
    User: OperationModifier;
    // A caller can only come from a request.
    CurrentUser: Default;
    CurrentUser: From<User>;
    CurrentUser: From<Arc<User>>;
    ActiveUser: Default;
    ActiveUser: From<CurrentUser>;
    ActiveUser: serde::de::DeserializeOwned;
    Depends<User>: FromRequest;
    Scoped<ActiveUser>: From<ActiveUser>;
}

/// One program that the compiler must refuse, and what it must say about it.
const REFUSED: [(&str, &[&str]); 4] = [
    ("caller_constructed", &["E0423", "private field", "3 previous errors"]),
    ("scope_name", &["a scope is made of printable ASCII without spaces"]),
    ("scope_without_description", &["no rules expected"]),
    ("scoped_by_a_name", &["E0277", "ScopeList"]),
];

#[test]
fn refused_programs_do_not_compile() {
    for (case, reasons) in REFUSED {
        let found = compile(case).expect_err(case);
        for reason in reasons {
            assert!(found.contains(reason), "{case} fails without `{reason}`:\n{found}");
        }
    }
}

/// The allowed form of the same: the refusals are not the test's own mistake.
#[test]
fn the_allowed_program_compiles() {
    compile("allowed").unwrap_or_else(|found| panic!("{found}"));
}

/// Compiles a program against the library that cargo has just built, without a separate build.
fn compile(case: &str) -> Result<(), String> {
    let dependencies = Path::new(env!("CARGO_BIN_EXE_bailiwick")).with_file_name("deps");
    let output = Command::new("rustc")
        .args(["--edition=2024", "--crate-type=bin", "--emit=metadata", "--cap-lints=allow"])
        .arg("-L")
        .arg(format!("dependency={}", dependencies.display()))
        .arg("--extern")
        .arg(format!("bailiwick={}", newest_library(&dependencies).display()))
        .arg("--out-dir")
        .arg(env!("CARGO_TARGET_TMPDIR"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/compile_fail/{case}.rs")))
        .output()
        .expect("rustc runs");
    match output.status.code() {
        Some(0) => Ok(()),
        _ => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

fn newest_library(folder: &Path) -> PathBuf {
    let entries = fs::read_dir(folder).expect("the folder of dependencies");
    let libraries = entries.filter_map(|entry| {
        let entry = entry.expect("an entry");
        let path = entry.path();
        let is_library =
            path.file_stem()?.to_str()?.starts_with("libbailiwick-") && path.extension()? == "rlib";
        is_library.then(|| (entry.metadata().and_then(|it| it.modified()).ok(), path))
    });
    libraries.max().expect("the library is built for this test").1
}
