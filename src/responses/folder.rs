//! Opens a file below a folder, and nothing else: what a request names never leads out of it.

use actix_files::NamedFile;
use actix_web::http::header::{CONTENT_RANGE, HeaderValue, RANGE};
use actix_web::test::TestRequest;
use actix_web::{HttpRequest, HttpResponse};
use percent_encoding::percent_decode_str;
use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat2};
use rustix::io::Errno;
use std::fs::{File, canonicalize};
use std::io;
use std::path::Path;

/// What is there.
pub(super) enum Found {
    File(Box<NamedFile>),
    Folder,
    Nothing,
}

/// The names in the path of a URL, of which actix-web has decoded all but `%25` and `%2F`; `None` if no
/// file is called so: hidden ones, `..`, and names with a separator or a control character.
pub(super) fn names(path: &str) -> Option<Vec<String>> {
    let name = |segment: &str| {
        let name = percent_decode_str(segment).decode_utf8().ok()?;
        is_name(&name).then(|| name.into_owned())
    };
    path.split('/').map(name).collect()
}

/// The names in a path of an application's own.
pub(super) fn plain_names(path: &str) -> Option<Vec<String>> {
    path.split('/').map(|name| is_name(name).then(|| name.to_owned())).collect()
}

fn is_name(name: &str) -> bool {
    let is_bad = |c: char| matches!(c, '/' | '\\' | char::REPLACEMENT_CHARACTER) || c.is_control();
    !name.is_empty() && !name.starts_with('.') && !name.contains(is_bad)
}

/// Opens the file of these names. A symbolic link is followed only where it stays below the folder.
pub(super) fn find(folder: &Path, names: &[String]) -> io::Result<Found> {
    let path = if names.is_empty() { ".".to_owned() } else { names.join("/") };
    let Some(file) = beneath(folder, &path)? else { return Ok(Found::Nothing) };
    let data = file.metadata()?;
    if data.is_dir() {
        return Ok(Found::Folder);
    }
    // Not a device, nor a pipe.
    if !data.is_file() {
        return Ok(Found::Nothing);
    }
    Ok(Found::File(Box::new(NamedFile::from_file(file, path)?)))
}

/// The response to a request that may ask for a part.
pub(super) fn part_or_whole(file: NamedFile, request: &HttpRequest) -> HttpResponse {
    // An empty file has no part, and the crate miscounts (RFC 9110 §15.5.17).
    if file.metadata().len() == 0 && request.headers().contains_key(RANGE) {
        let length = (CONTENT_RANGE, HeaderValue::from_static("bytes */0"));
        return HttpResponse::RangeNotSatisfiable().insert_header(length).finish();
    }
    match clamped(request) {
        Some(request) => file.into_response(&request),
        None => file.into_response(request),
    }
}

/// A request that asks for a range beyond what `u64` counts, with the numbers that stand for "all there is": the crate
/// takes such a range for malformed, but its end is only where the file ends (RFC 9110 §14.1.2).
fn clamped(request: &HttpRequest) -> Option<HttpRequest> {
    /// Digits of any number below 2^63.
    const DIGITS: usize = 18;
    let range = request.headers().get(RANGE)?.to_str().ok()?;
    let mut text = String::new();
    for part in range.split_inclusive(|c: char| !c.is_ascii_digit()) {
        let digits = part.trim_end_matches(|c: char| !c.is_ascii_digit());
        let number = digits.trim_start_matches('0');
        if number.len() > DIGITS {
            text.extend(std::iter::repeat_n('9', DIGITS));
        } else {
            text.push_str(if number.is_empty() { &digits[..digits.len().min(1)] } else { number });
        }
        text.push_str(&part[digits.len()..]);
    }
    if text.len() == range.len() {
        return None;
    }
    let mut asked =
        TestRequest::with_uri(&request.uri().to_string()).method(request.method().clone());
    for (name, value) in request.headers() {
        if name != RANGE {
            asked = asked.append_header((name.clone(), value.clone()));
        }
    }
    Some(asked.insert_header((RANGE, text)).to_http_request())
}

fn beneath(folder: &Path, path: &str) -> io::Result<Option<File>> {
    // A pipe must not keep the thread waiting.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    // For each file, so that a new folder in its place counts at once.
    let root = open(folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    // The kernel gives up with this when something is renamed meanwhile.
    let mut opened = Err(Errno::AGAIN);
    for _ in 0..8 {
        opened = openat2(&root, path, flags, Mode::empty(), resolve);
        if !matches!(opened, Err(Errno::AGAIN)) {
            break;
        }
    }
    match opened {
        Ok(file) => Ok(Some(File::from(file))),
        Err(
            Errno::NOENT
            | Errno::NOTDIR
            | Errno::LOOP
            | Errno::XDEV
            | Errno::ACCESS
            | Errno::NAMETOOLONG
            | Errno::NXIO,
        ) => Ok(None),
        // Linux before 5.6, and containers that do not know the call.
        Err(Errno::NOSYS | Errno::PERM) => resolved(folder, path),
        Err(error) => Err(error.into()),
    }
}

/// The same in two steps.
fn resolved(folder: &Path, path: &str) -> io::Result<Option<File>> {
    let target = match canonicalize(folder.join(path)) {
        Ok(target) if target.starts_with(canonicalize(folder)?) => target,
        _ => return Ok(None),
    };
    Ok(target
        .metadata()
        .ok()
        .filter(|data| data.is_file() || data.is_dir())
        .and_then(|_| File::open(target).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_names_of_files_are_names() {
        for path in ["a", "a/b.txt", "a%20b", "%C3%A9", "a..b", "a%2525"] {
            assert!(names(path).is_some(), "{path}");
        }
        // Decoded once: what is encoded twice is a name with a percent sign.
        assert_eq!(names("%252e%252e%252f").unwrap(), ["%2e%2e%2f"]);
        for path in [
            "", "..", "../a", "a/../b", "%2e%2e", "..%2fa", "a%2fb", "..\\a", "..%5Ca", "a%00",
            ".env", "a/.git/x", "%2Eenv", "a//b", "./a", "%FF", "a%0A", ".",
        ] {
            assert_eq!(names(path), None, "{path}");
        }
        assert_eq!(plain_names("a%2fb").unwrap(), ["a%2fb"]);
        assert_eq!(plain_names("../b"), None);
    }

    #[test]
    fn links_stay_below_the_folder() {
        let all = tempfile::tempdir().unwrap();
        let folder = all.path().join("web");
        fs::create_dir_all(folder.join("in")).unwrap();
        fs::write(all.path().join("secret"), "s").unwrap();
        fs::write(folder.join("in/file"), "f").unwrap();
        symlink("in/file", folder.join("good")).unwrap();
        symlink("in", folder.join("good-folder")).unwrap();
        symlink("../secret", folder.join("out")).unwrap();
        symlink(all.path().join("secret"), folder.join("absolute")).unwrap();
        symlink("..", folder.join("up")).unwrap();
        symlink("loop", folder.join("loop")).unwrap();
        symlink("/proc/self/environ", folder.join("environ")).unwrap();
        let is_there = |path: &str, open: fn(&Path, &str) -> io::Result<Option<File>>| {
            open(&folder, path).unwrap().is_some()
        };
        for open in [beneath, resolved] {
            for path in ["good", "good-folder/file", "in/file"] {
                assert!(is_there(path, open), "{path}");
            }
            for path in ["out", "absolute", "up/secret", "loop", "environ", "missing", "in/file/x"]
            {
                assert!(!is_there(path, open), "{path}");
            }
        }
        assert!(matches!(find(&folder, &["in".to_owned()]), Ok(Found::Folder)));
        rustix::fs::mkfifoat(rustix::fs::CWD, folder.join("pipe"), Mode::RUSR).unwrap();
        assert!(matches!(find(&folder, &["pipe".to_owned()]), Ok(Found::Nothing)));
    }
}
